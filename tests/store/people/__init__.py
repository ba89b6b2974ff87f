"""People: shown, erased and forgotten."""
