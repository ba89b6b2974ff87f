"""Telesign: authentication by a key pair, or by a signature over the request (TSA)."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from fastapi import Request
from structlog.contextvars import bind_contextvars

from campaign.instants import MINUTE, Instant, instant_of
from dialects.http.auth import Unauthenticated, basic_of
from dialects.http.vendor_routes import REFUSALS
from dialects.telesign.responses import NOT_ATTEMPTED, Failure, unauthorized
from dialects.telesign.signature import SCHEME, sign, string_to_sign
from store.accounts.api_keys import Principal
from store.accounts.signing import Signer
from store.database.threads import read_in_thread
from store.shared.activity import act_with_key
from store.store import Store

AUTH_METHOD = "HMAC-SHA256"
SIGNED: dict[str, dict[str, Any]] = {
    "tsa": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`TSA <keyId>:<signature>`: the signature is the base64 of an HMAC-SHA256, "
        "with the decoded secret, over method, content type, date, x-ts headers, body and path",
    }
}
DATE_TOLERANCE: Instant = 15 * MINUTE
NONCE_LENGTH_MIN = 8
NONCE_LENGTH_MAX = 128
# A request dated as far ahead as allowed stays valid for twice the tolerance. The minute is for
# clock differences between API processes.
NONCE_MEMORY: Instant = 2 * DATE_TOLERANCE + MINUTE
KEY_ID_LENGTH_MAX = 200

CUSTOMER_UNKNOWN = unauthorized(-30000, "Invalid Customer ID.")
CUSTOMER_SUSPENDED = unauthorized(-30001, "Customer ID Account Suspended.")
CUSTOMER_NOT_ACTIVATED = unauthorized(-30002, "Customer ID Account Not Activated.")
AUTHORIZATION_MISSING = unauthorized(-30004, "Missing required 'Authorization' header")
AUTHORIZATION_MALFORMED = unauthorized(
    -30005, "Required 'Authorization' header is not in the correct format"
)
SIGNATURE_INVALID = unauthorized(-30006, "Invalid Signature.")
DATE_MISSING = unauthorized(-30007, "Missing required 'Date' or 'x-ts-date' header")
AUTH_METHOD_INVALID = unauthorized(-30008, "Invalid 'x-ts-auth-method' header.", NOT_ATTEMPTED)
DATE_MALFORMED = unauthorized(-30009, "'Date' or 'x-ts-date' header is not RFC822 compliant")
DATE_INTOLERABLE = unauthorized(
    -30010, "'Date' or 'x-ts-date' header is not within tolerable range"
)
NONCE_LENGTH_WRONG = unauthorized(
    -30011, "'x-ts-nonce' header value is either too long or too short"
)
NONCE_USED = unauthorized(-30012, "'x-ts-nonce' header value has been used recently")
KEY_INVALID = unauthorized(-30015, "Invalid API Key.")


class Unproven(Unauthenticated):
    """The caller is not authenticated; ``signature_string`` is what it should have signed."""

    def __init__(self, failure: Failure, signature_string: str | None = None) -> None:
        super().__init__(failure.code)
        self.failure = failure
        self.signature_string = signature_string


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request; ``key`` is one for the very same signed request, None for Basic."""

    principal: Principal
    key: str | None = None


# Nonces of requests that this process has not answered yet; used on the event loop only.
_in_progress: set[tuple[str, str]] = set()


@asynccontextmanager
async def proved(
    request: Request, body: bytes, path: str, store: Store, now: Instant
) -> AsyncIterator[Caller]:
    """Find the caller of a request by its headers and its raw body; raises Unproven.

    Only a request with a valid signature uses its nonce up. The same request again is refused once
    the block ended without an error or with one of ``REFUSALS``. If it did not, or the process died
    in it, the request may come again: ``Caller.key`` has to make that harmless. Nonces of Basic
    requests are ignored.
    """
    given = request.headers.getlist("authorization")
    if not given:
        raise Unproven(AUTHORIZATION_MISSING)
    scheme, _, value = given[0].partition(" ")
    if len(given) > 1:
        raise Unproven(AUTHORIZATION_MALFORMED)
    if scheme.upper() == SCHEME:
        async with _signed(request, value.strip(), body, path, store, now) as caller:
            yield caller
        return
    pair = basic_of(request)
    if pair is None:
        raise Unproven(AUTHORIZATION_MALFORMED)
    signer = await _signer(store, pair[0])
    if not hmac.compare_digest(signer.secret.encode(), pair[1].encode()):
        raise Unproven(KEY_INVALID)
    yield Caller(_opened(signer))


@asynccontextmanager
async def _signed(
    request: Request, value: str, body: bytes, path: str, store: Store, now: Instant
) -> AsyncIterator[Caller]:
    key_id, _, signature = value.partition(":")
    if not key_id or not signature:
        raise Unproven(AUTHORIZATION_MALFORMED)
    signed = _signed_headers(request)
    _check_headers(signed, now)
    signer = await _signer(store, key_id)
    string = string_to_sign(request.method, signed, body, path)
    expected = sign(signer.secret, string)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise Unproven(SIGNATURE_INVALID, string.decode("utf-8", "replace"))
    principal = _opened(signer)
    nonce, free_at = signed["x-ts-nonce"], now + NONCE_MEMORY
    if (key_id, nonce) in _in_progress:
        raise Unproven(NONCE_USED)
    _in_progress.add((key_id, nonce))
    try:
        use = store.signing.use_nonce
        if not await asyncio.to_thread(use, key_id, nonce, now, free_at, signature):
            raise Unproven(NONCE_USED)
        refused: Exception | None = None
        try:
            yield Caller(principal, f"signed:{hashlib.sha256(signature.encode()).hexdigest()}")
        except REFUSALS as refusal:
            refused = refusal
        await asyncio.to_thread(store.signing.answer, key_id, nonce, signature)
        if refused is not None:
            raise refused
    finally:
        _in_progress.discard((key_id, nonce))


def _signed_headers(request: Request) -> Mapping[str, str]:
    """The headers that a signature covers; the values of a repeated header are joined."""
    names = {"content-type", "date", *(n for n in request.headers if n.startswith("x-ts-"))}
    return {name: ",".join(values) for name in names if (values := request.headers.getlist(name))}


def _check_headers(headers: Mapping[str, str], now: Instant) -> None:
    if headers.get("x-ts-auth-method", AUTH_METHOD).upper() != AUTH_METHOD:
        raise Unproven(AUTH_METHOD_INVALID)
    date = headers.get("x-ts-date", headers.get("date", ""))
    if not date:
        raise Unproven(DATE_MISSING)
    try:
        # Lenient, because old clients send "Sa, 21 Nov 2026 01:25:12 +0000".
        dated = instant_of(parsedate_to_datetime(date))
    except (ValueError, TypeError, OverflowError):
        raise Unproven(DATE_MALFORMED) from None
    if abs(dated - now) > DATE_TOLERANCE:
        raise Unproven(DATE_INTOLERABLE)
    if not NONCE_LENGTH_MIN <= len(headers.get("x-ts-nonce", "")) <= NONCE_LENGTH_MAX:
        raise Unproven(NONCE_LENGTH_WRONG)


async def _signer(store: Store, key_id: str) -> Signer:
    signer = await read_in_thread(store.signing.find, key_id[:KEY_ID_LENGTH_MAX])
    if signer is None:
        raise Unproven(CUSTOMER_UNKNOWN)
    return signer


def _opened(signer: Signer) -> Principal:
    """The principal of an authenticated key; only here may the key's state be revealed."""
    if signer.suspended:
        raise Unproven(CUSTOMER_SUSPENDED)
    if signer.revoked:
        raise Unproven(CUSTOMER_NOT_ACTIVATED)
    bind_contextvars(account=signer.principal.account_id)
    act_with_key(signer.principal.key_id)
    return signer.principal
