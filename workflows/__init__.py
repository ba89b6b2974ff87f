"""The durable story of a campaign: deterministic, and without people in it."""
