"""The Textingline API."""
