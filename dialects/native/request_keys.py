"""The header ``Idempotency-Key`` on requests that create.

For a campaign it is the member ``idempotencyKey``, with its 48 hours (campaign/keys.py). Anything
else that is created under a key gets an id made of it, so that a repeat finds what is there for as
long as it exists.
"""

import hashlib
from typing import Any

from fastapi import Request
from pydantic import BaseModel

from campaign.ids import ID_BYTES
from campaign.keys import is_valid_key
from campaign.refusals import Refusal, RefusalCode, Refused

HEADER = "Idempotency-Key"
# A parameter of OpenAPI for each route that reads the header.
PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "a repeat with the same key creates nothing more",
}


def replayed(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """Describe for OpenAPI the answer to a repeat with the same key."""
    return {200: {"description": "The answer to a repeat with the same key", "model": model}}


def takes_key(extra: dict[str, Any]) -> dict[str, Any]:
    """Describe for OpenAPI that a route reads the header."""
    return {**extra, "parameters": [*extra.get("parameters", ()), PARAMETER]}


def request_key(request: Request) -> str | None:
    """The key in the header, without quotation marks around it; None without the header.

    Raises Refused for a malformed key, and for two different ones.
    """
    given = {value.strip() for value in request.headers.getlist(HEADER)}
    if not given:
        return None
    if len(given) > 1:
        raise _refused(RefusalCode.FIELD_INVALID, "is given twice with different values", HEADER)
    key = given.pop()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not is_valid_key(key):
        what = "must have 2 to 100 of the characters A-Z a-z 0-9 : @ - _ ) ("
        raise _refused(RefusalCode.KEY_INVALID, what, HEADER)
    return key


def with_key(body: Any, key: str | None) -> Any:
    """A body with the key of the header; raises Refused if the body has another one."""
    if key is None or not isinstance(body, dict):
        return body
    own = body.get("idempotencyKey")
    if own is not None and own != key:
        what = f"differs from the header {HEADER}"
        raise _refused(RefusalCode.FIELD_INVALID, what, "idempotencyKey")
    return {**body, "idempotencyKey": key}


def id_bytes(key: str | None, kind: str, account_id: str) -> bytes | None:
    """The bytes of the id of what an account creates under a key; None without a key."""
    if key is None:
        return None
    return hashlib.sha256("\0".join((kind, account_id, key)).encode()).digest()[:ID_BYTES]


def _refused(code: RefusalCode, what: str, place: str) -> Refused:
    return Refused(Refusal(code, what, place))
