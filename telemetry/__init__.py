"""What a process reports about itself. Every package but the domain may use it."""
