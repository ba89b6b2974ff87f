"""Board, rules and runbooks, with a real Prometheus that watches real incidents."""
