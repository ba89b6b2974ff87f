"""What the API, the command line and the console do with campaigns."""
