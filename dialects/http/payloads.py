"""The hash of a request's payload, and the idempotency key that can be made of it."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from store.accounts.api_keys import Principal

ENTRIES_AT_ONCE = 100


def payload_hash(payload: Any) -> str:
    """SHA-256 (hex) of a payload as canonical JSON: members sorted, no spaces, ASCII.

    The writer of JSON holds the interpreter lock, so that long arrays are written in parts.
    """
    digest = hashlib.sha256()
    for piece in _pieces(payload):
        digest.update(piece.encode())
    return digest.hexdigest()


def _pieces(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and any(isinstance(member, list) for member in value.values()):
        before = "{"
        for name in sorted(value):
            yield f"{before}{_written(name)}:"
            yield from _pieces(value[name])
            before = ","
        yield "}"
    elif isinstance(value, list) and len(value) > ENTRIES_AT_ONCE:
        before = "["
        for start in range(0, len(value), ENTRIES_AT_ONCE):
            yield before + _written(value[start : start + ENTRIES_AT_ONCE])[1:-1]
            before = ","
        yield "]"
    elif isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
        before = "["
        for entry in value:
            yield before
            yield from _pieces(entry)
            before = ","
        yield "]"
    else:
        yield _written(value)


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def payload_key(principal: Principal, hashed: str) -> str | None:
    """The key of a request that brought none; None where the account wants no automatic key."""
    return f"auto:{hashed}" if principal.auto_key == "payload_hash" else None
