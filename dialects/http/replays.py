"""Replays of an idempotency key: a route notes one, and the answer says so in a header."""

from fastapi import Request
from starlette.types import Scope

HEADER = "Idempotency-Replayed"


def note_replay(request: Request, replayed: bool) -> None:
    """Note whether the answer to a request is that of an earlier one with the same key."""
    request.state.replayed = replayed


def is_replay(scope: Scope) -> bool:
    """Tell whether a replay was noted for the request of this ASGI scope."""
    return bool(scope.get("state", {}).get("replayed"))
