"""Tests of the activities, mostly against a store and a carrier in memory."""
