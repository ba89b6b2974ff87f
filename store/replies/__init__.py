"""Replies, and the leased numbers that they come to."""
