"""What starts Godwit: the command line, the HTTP API and the embedded stack."""
