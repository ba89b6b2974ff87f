"""Real processes, killed at random by a seed; the carrier's own log is the judge."""
