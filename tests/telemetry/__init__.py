"""Tests of what processes report about themselves."""
