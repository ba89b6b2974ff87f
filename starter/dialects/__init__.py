"""One file per vendor API: its words, limits, codes and answers, and nothing of them elsewhere."""
