"""The HTTP APIs: one folder each for its words, limits, codes and answers."""
