"""The native API, below /v1."""
