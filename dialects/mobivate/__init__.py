"""The Mobivate API."""
