"""The embedded stack: every part on one machine."""
