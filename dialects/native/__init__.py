"""Godwit's own API, below /v1."""
