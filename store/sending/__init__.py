"""What a chunk of messages needs while it is sent."""
