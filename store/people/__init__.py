"""People: what an account knows of a number, its erasure, and how long texts are kept."""
