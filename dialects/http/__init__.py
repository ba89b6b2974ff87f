"""What all HTTP APIs share: authentication, request limits, bodies, context."""
