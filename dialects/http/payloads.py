"""The hash of a request's payload, and the idempotency key of its draft."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from campaign.model import Draft
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


def keyed(draft: Draft, principal: Principal, payload: Any, key: str | None = None) -> Draft:
    """The draft of a principal's request, with the hash of its payload, and its key.

    A request without a ``key`` gets one of its payload, where the account wants that.
    """
    hashed = payload_hash(payload)
    if key is None and principal.auto_key == "payload_hash":
        key = f"auto:{hashed}"
    return replace(
        draft,
        key=key,
        strict_key=principal.strict_keys,
        payload_hash=hashed,
        sandbox=principal.sandbox,
    )
