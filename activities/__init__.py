"""What a workflow may ask for: classes that hold ports, with verbs as methods."""
