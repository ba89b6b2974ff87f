"""The domain: campaigns and their rules. Pure functions, without I/O, clock or randomness."""
