"""Calls to addresses that accounts chose: webhooks, forwarded replies, mail."""
