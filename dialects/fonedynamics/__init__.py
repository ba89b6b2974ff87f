"""The Fone Dynamics API."""
