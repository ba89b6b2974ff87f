"""Authentication: from HTTP Basic or Bearer credentials to a principal."""

import base64
import binascii
from collections.abc import Collection, Sequence
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from fastapi import Request
from structlog.contextvars import bind_contextvars

from store.accounts.api_keys import Principal
from store.accounts.permissions import Permission as Permission
from store.database.threads import read_in_thread
from store.shared.activity import act_with_key
from store.store import Store

HOST_LENGTH_MAX = 64
# Of answers with 401. Some clients send credentials only after one.
CHALLENGE = {"WWW-Authenticate": 'Basic realm="godwit"'}
# The security schemes of OpenAPI that ``authenticate`` takes.
BASIC: dict[str, dict[str, Any]] = {
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The id of an API key as the user name, its secret as the password",
    }
}
BEARER: dict[str, dict[str, Any]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The bearer token of an API key",
    }
}


def fault_of_permissions(names: Sequence[str]) -> str | None:
    """Why a key cannot have exactly these permissions, or None: some, known, each once."""
    known = {"*", *Permission}
    if not names:
        return "a key needs at least one permission"
    if unknown := [name for name in names if name not in known]:
        return f"there is no permission {unknown[0]!r}; there are {', '.join(sorted(known))}"
    if len(set(names)) < len(names):
        return "a permission is named twice"
    return None


class Unauthenticated(Exception):
    """No valid credentials. The text is for the caller and does not reveal what exists."""


def basic_of(request: Request) -> tuple[str, str] | None:
    """The user and password of a Basic header; None if it is missing or malformed."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = (
            base64.b64decode(value.strip(), validate=True).decode().partition(":")
        )
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


async def authenticate(
    request: Request, store: Store, schemes: Collection[str] = ("basic", "bearer")
) -> Principal:
    """Find the principal of a request, by one of the schemes; raises Unauthenticated."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    principal = None
    if scheme.lower() == "bearer" and "bearer" in schemes:
        principal = await read_in_thread(store.api_keys.authenticate_bearer, value.strip()[:200])
    elif "basic" in schemes and (pair := basic_of(request)) is not None:
        principal = await read_in_thread(store.api_keys.authenticate, *pair)
    if principal is None:
        raise Unauthenticated("missing, malformed or unknown credentials")
    bind_contextvars(account=principal.account_id)
    act_with_key(principal.key_id)
    return principal


def caller_of(request: Request) -> str:
    """The name of a caller without valid credentials: its IPv4 address or IPv6 network.

    One IPv6 subscriber has at least a /64 network, so that single addresses would limit nobody.
    """
    host = request.client.host if request.client else "unknown"
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return f"address:{host[:HOST_LENGTH_MAX]}"
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or ip_network((address.packed, 64), strict=False)[0]
    return f"address:{address}"
