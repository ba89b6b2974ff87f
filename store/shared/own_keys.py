"""Idempotency keys as the store keeps them: those of the sandbox apart from all others.

So a key that was tried in the sandbox is free for the live campaign. No key that a customer gives
has a slash (campaign/keys.py).
"""

IN_SANDBOX = "sandbox/"


def stored_key(key: str | None, sandbox: bool) -> str | None:
    """The key as the store keeps it."""
    return IN_SANDBOX + key if sandbox and key is not None else key


def shown_key(key: str | None) -> str | None:
    """The key as the customer gave it."""
    return key if key is None else key.removeprefix(IN_SANDBOX)
