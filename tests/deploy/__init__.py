"""Compose overrides and the Helm chart."""
