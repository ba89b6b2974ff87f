"""The ways in: command line, HTTP API, receipts, and the desk that drives Temporal."""
