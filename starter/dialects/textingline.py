"""Textingline: the batch API (seeds 000_28acbc3c0a0643f4.txt and 001_e4b73310653b3e59.txt).

Where the two seeds disagree, docs/decisions/0007-textingline.md says what holds here.
"""

import hashlib
import json
from typing import Any

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from campaign.failures import StoreUnavailable
from campaign.instants import iso
from campaign.model import Draft, DraftRecipient, Duplicates, Policy
from campaign.phone import SenderKind, is_e164, sender_kind
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused
from starter.bodies import BadBody, read_json
from starter.credentials import Permission, Unauthenticated, authenticate, caller_of
from starter.desk import DeskUnavailable
from starter.pace import Window
from starter.ways import Dialect, Ways
from store.api_keys import Principal
from store.views import CampaignView

NAME = "textingline"
PREFIX = "/api/v1/messaging"
ID_PREFIX = "brc_"
BATCH_LIMIT = "5/minute"
BATCH_STATUS = 201
BODY_BYTES_MAX = 32 * 1024 * 1024
MORE_INFO = "https://docs.smsfactory.com/docs/error-codes"
RETRY_SECONDS = 5

UNEXPECTED = (33000, 500, "An unexpected error occurred")
AUTHENTICATION = (33001, 401, "Authentication failed")
RATE_LIMIT = (33002, 429, "Rate limit exceeded")
NOT_ENABLED = (33022, 403, "API not enabled for this account")
# Our refusal, their code, HTTP status and text. 402 for credits is our reading: no page says.
CODES: dict[RefusalCode, tuple[int, int, str]] = {
    RefusalCode.MALFORMED: (33005, 400, "The request body is malformed"),
    RefusalCode.FIELD_MISSING: (33005, 400, "A required field is missing"),
    RefusalCode.FIELD_INVALID: (33005, 400, "A field is invalid"),
    RefusalCode.KEY_INVALID: (33005, 400, "The idempotency key is invalid"),
    RefusalCode.KEY_REUSED: (33005, 400, "The idempotency key was used with another payload"),
    RefusalCode.NUMBER_INVALID: (33003, 400, "Phone number is not valid E.164"),
    RefusalCode.SENDER_INVALID: (33003, 400, "The sender is not valid E.164 or a short code"),
    RefusalCode.SENDER_NOT_OWNED: (
        33004,
        403,
        "The sender number is not assigned to this account",
    ),
    RefusalCode.QUOTA_REACHED: (33012, 429, "Daily messaging quota reached"),
    RefusalCode.MEDIA_INVALID: (33017, 400, "The media could not be downloaded"),
    RefusalCode.CHARACTERS_INVALID: (33016, 400, "The message body contains invalid characters"),
    RefusalCode.CONTENT_NOT_COMPLIANT: (
        33019,
        400,
        "The message body violates messaging compliance rules",
    ),
    RefusalCode.CREDITS_INSUFFICIENT: (33023, 402, "Insufficient credits"),
    RefusalCode.DUPLICATE_RECIPIENTS: (
        33024,
        400,
        "recipients must not contain duplicate phone numbers",
    ),
    RefusalCode.CONTENT_MISSING: (33024, 400, "Each recipient must have a body or a mediaUrl"),
    RefusalCode.CONTENT_TOO_LONG: (33005, 400, "The message body is longer than 640 characters"),
    RefusalCode.TOO_FEW_RECIPIENTS: (33024, 400, "recipients must have at least 10 entries"),
    RefusalCode.TOO_MANY_RECIPIENTS: (33024, 400, "recipients must have at most 5,000 entries"),
    RefusalCode.MIXED_KINDS: (
        33024,
        400,
        "SMS and MMS recipients cannot be mixed in one batch on this account",
    ),
}
# Canonical member names in places, and what this API calls them.
_MEMBERS = {".text": ".body", "sender": "from"}

log = structlog.get_logger("godwit.textingline")


def read(body: Any, principal: Principal) -> Draft:
    """Read a batch request; raises Refused with every fault of form (a readable number)."""
    if not isinstance(body, dict):
        raise Refused(Refusal(RefusalCode.MALFORMED, "the body must be a JSON object"))
    faults: list[Refusal] = []
    sender = body.get("from")
    if sender is None:
        faults.append(Refusal(RefusalCode.FIELD_MISSING, "from is required", "from"))
    elif not isinstance(sender, str) or sender_kind(sender) not in (
        SenderKind.LONG_CODE,
        SenderKind.SHORT_CODE,
    ):
        faults.append(Refusal(RefusalCode.SENDER_INVALID, "neither E.164 nor a short code", "from"))
    key = body.get("idempotencyKey")
    if key is not None and not isinstance(key, str):
        faults.append(Refusal(RefusalCode.KEY_INVALID, "must be a string", "idempotencyKey"))
    entries = body.get("recipients")
    if not isinstance(entries, list):
        missing = RefusalCode.FIELD_MISSING if entries is None else RefusalCode.FIELD_INVALID
        faults.append(Refusal(missing, "recipients must be an array", "recipients"))
        entries = []
    recipients = [
        recipient
        for index, entry in enumerate(entries)
        if (recipient := _recipient(entry, index, faults)) is not None
    ]
    if faults:
        raise Refused(*faults[:SHOWN_MAX])
    payload = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    payload_hash = hashlib.sha256(payload).hexdigest()
    if key is None and principal.auto_key == "payload_hash":
        key = f"auto:{payload_hash}"
    return Draft(
        account_id=principal.account_id,
        dialect=NAME,
        recipients=recipients,
        policy=Policy(
            recipients_min=10,
            recipients_max=5_000,
            text_length_max=640,
            duplicates=Duplicates.REFUSE,
            uniform=principal.strict_uniform,
        ),
        sender=sender,
        key=key,
        strict_key=principal.strict_keys,
        payload_hash=payload_hash,
    )


def _recipient(entry: Any, index: int, faults: list[Refusal]) -> DraftRecipient | None:
    place = f"recipients[{index}]"
    if not isinstance(entry, dict):
        faults.append(Refusal(RefusalCode.FIELD_INVALID, "must be an object", place))
        return None
    to = entry.get("to")
    if to is None:
        faults.append(Refusal(RefusalCode.FIELD_MISSING, "to is required", f"{place}.to"))
        return None
    if not isinstance(to, str) or not is_e164(to):
        faults.append(Refusal(RefusalCode.NUMBER_INVALID, "not E.164", f"{place}.to"))
        return None
    for member in ("body", "mediaUrl", "idempotencyKey"):
        if not isinstance(entry.get(member), str | None):
            faults.append(
                Refusal(RefusalCode.FIELD_INVALID, "must be a string", f"{place}.{member}")
            )
            return None
    return DraftRecipient(
        to=to,
        text=entry.get("body"),
        media_url=entry.get("mediaUrl") or None,
        key=entry.get("idempotencyKey"),
    )


def show(view: CampaignView) -> dict[str, Any]:
    """Answer an accepted batch with exactly the vendor's five members; a replay looks the same."""
    return {
        "id": view.id,
        "from": view.sender,
        "totalRecipients": view.total,
        "status": "queued",
        "createdAt": iso(view.created_at),
    }


def show_failure(
    failure: tuple[int, int, str], details: dict[str, Any] | None = None
) -> JSONResponse:
    """Write an error body of this API."""
    code, status, message = failure
    content: dict[str, Any] = {
        "code": code,
        "message": message,
        "status": status,
        "moreInfo": MORE_INFO,
    }
    if details:
        content["details"] = details
    return JSONResponse(content, status)


def show_refusals(refused: Refused) -> JSONResponse:
    """Write a refusal; the first reason gives the code, ``details`` lists all with places."""
    fields = []
    for refusal in refused.refusals:
        path = refusal.place
        for ours, theirs in _MEMBERS.items():
            if path.endswith(ours):
                path = path.removesuffix(ours) + theirs
        if path:
            fields.append({"path": path, "message": refusal.message, **refusal.details})
    code = refused.refusals[0].code
    return show_failure(CODES.get(code, CODES[RefusalCode.FIELD_INVALID]), {"fields": fields})


def routes(ways: Ways) -> APIRouter:
    """The routes of this API."""
    router = APIRouter(prefix=PREFIX, tags=["Textingline"])

    @router.post(
        "/batch",
        status_code=BATCH_STATUS,
        summary="Send personalised SMS or MMS to 10-5,000 recipients",
        responses={
            status: {"description": text}
            for status, text in {
                400: "Refused: 33003 33005 33016 33017 33019 33024",
                401: "Authentication failed: 33001",
                402: "Insufficient credits: 33023",
                403: "Sender not assigned: 33004",
                413: "The body is too large: 33005",
                415: "The body is not application/json: 33005",
                429: "Rate limit 33002, daily quota 33012",
                500: "Unexpected: 33000",
                503: "Not available just now: 33000",
            }.items()
        },
        openapi_extra={"requestBody": {"required": True, "content": _REQUEST}},
    )
    async def send_batch(request: Request) -> JSONResponse:
        """Accept a batch: judged and paid when this answers, sent in the background."""
        window, response = await _paced(request, ways)
        response.headers.update(window.headers())
        return response

    return router


async def _paced(request: Request, ways: Ways) -> tuple[Window, JSONResponse]:
    try:
        principal = await authenticate(request, ways.store, bearer_too=False)
    except Unauthenticated:
        window = await ways.pace.take(BATCH_LIMIT, "batch", caller_of(request))
        failure = AUTHENTICATION if window.allowed else RATE_LIMIT
        refusal = show_failure(failure)
        if window.allowed:
            refusal.headers["WWW-Authenticate"] = 'Basic realm="godwit"'
        return window, refusal
    window = await ways.pace.take(BATCH_LIMIT, "batch", principal.key_id)
    if not window.allowed:
        return window, show_failure(RATE_LIMIT)
    if not principal.may(Permission.SEND):
        return window, show_failure(NOT_ENABLED)
    try:
        return window, await _send(request, ways, principal)
    except (DeskUnavailable, StoreUnavailable):
        code, _, message = UNEXPECTED
        unavailable = show_failure((code, 503, message))
        unavailable.headers["Retry-After"] = str(RETRY_SECONDS)
        return window, unavailable
    except Exception:
        log.exception("a batch request failed")
        return window, show_failure(UNEXPECTED)


async def _send(request: Request, ways: Ways, principal: Principal) -> JSONResponse:
    try:
        body = await read_json(request, min(BODY_BYTES_MAX, ways.settings.body_bytes_max))
        admission = await ways.desk.admit(read(body, principal), ID_PREFIX)
    except BadBody as bad:
        return show_failure((33005, bad.status, bad.reason))
    except Refused as refused:
        return show_refusals(refused)
    return JSONResponse(show(admission.campaign), BATCH_STATUS)


def show_error(status: int, message: str) -> JSONResponse:
    """Write what no route answered."""
    return show_failure((33000 if status >= 500 else 33005, status, message))


_STRING = {"type": "string"}
_KEY = {"type": "string", "minLength": 2, "maxLength": 100, "pattern": r"^[A-Za-z0-9:@\-_)(]+$"}
_REQUEST = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["from", "recipients"],
            "properties": {
                "from": {**_STRING, "description": "E.164, or a short code of 5-6 digits"},
                "idempotencyKey": _KEY,
                "recipients": {
                    "type": "array",
                    "minItems": 10,
                    "maxItems": 5000,
                    "items": {
                        "type": "object",
                        "required": ["to"],
                        "properties": {
                            "to": {**_STRING, "description": "E.164"},
                            "body": {**_STRING, "maxLength": 640},
                            "mediaUrl": {**_STRING, "description": "makes it an MMS"},
                            "idempotencyKey": _KEY,
                        },
                    },
                },
            },
        }
    }
}

DIALECT = Dialect(NAME, PREFIX, routes, show_error)
