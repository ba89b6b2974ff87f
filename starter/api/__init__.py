"""The HTTP API as a process: the app, carrier callbacks, the reconciler."""
