"""The hash of a request's payload, and the idempotency key that can be made of it."""

import hashlib
import json
from typing import Any

from store.accounts.api_keys import Principal


def payload_hash(payload: Any) -> str:
    """SHA-256 (hex) of a payload as canonical JSON: members sorted, no spaces, ASCII."""
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def payload_key(principal: Principal, hashed: str) -> str | None:
    """The key of a request that brought none; None where the account wants no automatic key."""
    return f"auto:{hashed}" if principal.auto_key == "payload_hash" else None
