"""Tests of activities without a Temporal server."""
