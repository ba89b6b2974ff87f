"""The Telesign bulk SMS API."""
