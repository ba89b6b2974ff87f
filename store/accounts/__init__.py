"""Accounts with their keys, senders, opt-outs and mailing lists."""
