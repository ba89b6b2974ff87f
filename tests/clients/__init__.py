"""Clients that generators make from the served OpenAPI document."""
