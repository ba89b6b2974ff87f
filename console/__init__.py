"""The web console: pages over the same service and store as the HTTP APIs."""
