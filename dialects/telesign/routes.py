"""Telesign: the bulk SMS API (seed 002_0fa33d6af2780972.txt).

What the vendor does not document, or contradicts itself on, is decided in
docs/decisions/0016-telesign.md.
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from campaign.model import Draft, DraftRecipient, Duplicates, Policy
from campaign.phone import OfflineLookup, SenderKind, canonical_number, sender_kind
from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.text import is_blank
from dialects.dialect import Dialect
from dialects.http.auth import BASIC, Permission, caller_of
from dialects.http.bodies import BadBody, parse_form, read_bytes
from dialects.http.context import ApiContext
from dialects.http.payloads import payload_hash, payload_key
from dialects.http.queries import check_query
from dialects.http.rate_limits import Window
from dialects.http.replays import note_replay
from dialects.telesign.auth import SIGNED, Caller, Unproven, proved
from dialects.telesign.errors import show_failures
from dialects.telesign.responses import (
    BAD_REQUEST,
    PRODUCT_NOT_ENABLED,
    RATE_LIMIT,
    UNAVAILABLE,
    Failure,
    failure_of,
    show,
)
from dialects.telesign.use_cases import PURPOSES
from store.accounts.api_keys import Principal

NAME = "telesign"
PREFIX = "/v1/verify"
PATH = "/v1/verify/bulk_sms"
MEDIA_TYPE = "application/x-www-form-urlencoded"
# The vendor publishes no figure: limits are set per account.
BULK_LIMIT = "60/minute"
# 1,000 recipients with session ids of 64 characters, all of them percent-encoded.
BODY_BYTES_MAX = 1024 * 1024
RECIPIENTS_MAX = 1_000
TEXT_LENGTH_MAX = 1_600
SESSION_ID_LENGTH_MAX = 64
# So much of an invalid recipient is stored, so that people can see what it was.
FAULTY_LENGTH_MAX = 40
FAULT = RefusalCode.NUMBER_INVALID.value

_lookup = OfflineLookup()


def read(fields: Mapping[str, str], principal: Principal) -> Draft:
    """Read the fields of a request; raises Refused with every fault.

    An invalid number is not a fault: it becomes a failed message.
    """
    faults: list[Refusal] = []
    # Empty recipients have their own error code; an empty template counts as missing.
    if "recipients" not in fields:
        faults.append(Refusal(RefusalCode.FIELD_MISSING, "is required", "recipients"))
    if is_blank(fields.get("template", "")):
        faults.append(Refusal(RefusalCode.FIELD_MISSING, "is required", "template"))
    ucid = fields.get("ucid", "")
    if ucid and ucid not in PURPOSES:
        faults.append(Refusal(RefusalCode.FIELD_INVALID, "Unknown use case code", "ucid"))
    session_id = fields.get("session_id", "")
    if not _is_session_id(session_id):
        faults.append(_bad_session_id("session_id"))
    sender = _sender(fields.get("sender_id", ""), faults)
    recipients = _recipients(fields.get("recipients"), faults)
    if faults:
        raise Refused(*faults)
    hashed = payload_hash(fields)
    return Draft(
        account_id=principal.account_id,
        sandbox=principal.sandbox,
        dialect=NAME,
        recipients=recipients,
        policy=Policy(
            recipients_max=RECIPIENTS_MAX,
            text_length_max=TEXT_LENGTH_MAX,
            duplicates=Duplicates.SKIP_EQUAL,
            literal=True,
        ),
        name=session_id or None,
        sender=sender,
        text=fields["template"],
        purpose=PURPOSES.get(ucid),
        key=payload_key(principal, hashed),
        payload_hash=hashed,
    )


def _recipients(value: str | None, faults: list[Refusal]) -> list[DraftRecipient]:
    entries = [entry.strip() for entry in (value or "").split(",")]
    entries = [entry for entry in entries if entry]
    if value is not None and not entries:
        faults.append(Refusal(RefusalCode.TOO_FEW_RECIPIENTS, "no recipients", "recipients"))
    if len(entries) > RECIPIENTS_MAX:
        too_many = f"more than {RECIPIENTS_MAX} recipients"
        faults.append(Refusal(RefusalCode.TOO_MANY_RECIPIENTS, too_many, "recipients"))
        return []
    recipients = []
    for entry in entries:
        written, _, session_id = entry.partition(":")
        if not _is_session_id(session_id):
            faults.append(_bad_session_id("recipients"))
            break
        number = canonical_number(written)
        possible = number is not None and _lookup.look_up(number).possible
        recipients.append(
            DraftRecipient(
                to=number or _shown(written),
                reference=session_id or None,
                fault=None if possible else FAULT,
            )
        )
    return recipients


def _sender(value: str, faults: list[Refusal]) -> str | None:
    """A sender in canonical form: 5 or 6 digits are a short code, more are a number."""
    if not value:
        return None
    if sender_kind(value) in (SenderKind.SHORT_CODE, SenderKind.ALPHANUMERIC):
        return value
    number = canonical_number(value)
    if number is None:
        fault = "Not a number, short code or name"
        faults.append(Refusal(RefusalCode.SENDER_INVALID, fault, "sender_id"))
    return number


def _is_session_id(value: str) -> bool:
    return len(value) <= SESSION_ID_LENGTH_MAX and value.isprintable()


def _bad_session_id(place: str) -> Refusal:
    fault = f"A session id has more than {SESSION_ID_LENGTH_MAX} characters, or controls"
    return Refusal(RefusalCode.FIELD_INVALID, fault, place)


def _shown(written: str) -> str:
    kept = written[:FAULTY_LENGTH_MAX]
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in kept)


def routes(context: ApiContext) -> APIRouter:
    """The routes of this API."""
    router = APIRouter(tags=["Telesign"])

    @router.post(
        PATH,
        summary="Send one SMS to up to 1,000 recipients",
        responses={
            status: {"description": text}
            for status, text in {
                400: "The request is invalid: -10001 -10002 -10003 -40006; too few credits: -40008",
                401: "Not authorized: -20002 -30000 to -30015",
                413: "The body is too large: -40006",
                415: "The body is compressed: -40006",
                429: "Rate limit -40007; daily quota -40008",
                500: "Unexpected: -90001",
                503: "Temporarily unavailable: -90001",
            }.items()
        },
        openapi_extra={"requestBody": {"required": True, "content": _REQUEST}},
    )
    async def send_bulk(request: Request) -> JSONResponse:
        """Validates the request and holds its credits, then sends it in the background."""
        reference_id = _new_reference_id()
        try:
            return await _send(request, context, reference_id)
        except BadBody as bad:
            return _stopped(BAD_REQUEST, bad.status, reference_id)
        except Refused as refused:
            failures = dict.fromkeys(map(failure_of, refused.refusals))
            return show_failures(list(failures), reference_id)
        except Unproven as unproven:
            window = await context.limiter.take(BULK_LIMIT, "bulk_sms", caller_of(request))
            if not window.allowed:
                return _limited(window, reference_id)
            return show_failures([unproven.failure], reference_id, unproven.signature_string)

    return router


async def _send(request: Request, context: ApiContext, reference_id: str) -> JSONResponse:
    # The body is read first, because the signature covers it.
    body = await read_bytes(request, min(BODY_BYTES_MAX, context.settings.body_bytes_max))
    now = await asyncio.to_thread(context.store.clock.now)
    async with proved(request, body, PATH, context.store, now) as caller:
        return await _admit(request, body, context, reference_id, caller)


async def _admit(
    request: Request, body: bytes, context: ApiContext, reference_id: str, caller: Caller
) -> JSONResponse:
    principal = caller.principal
    window = await context.limiter.take(BULK_LIMIT, "bulk_sms", principal.key_id)
    if not window.allowed:
        return _limited(window, reference_id)
    if not principal.may(Permission.SEND):
        return show_failures([PRODUCT_NOT_ENABLED], reference_id)
    check_query(request)
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.lower().replace(" ", "").replace('"', "")
    if media_type.strip().lower() != MEDIA_TYPE or charset not in ("", "charset=utf-8"):
        return show_failures([BAD_REQUEST], reference_id)
    try:
        draft = await asyncio.to_thread(lambda: read(parse_form(body), principal))
    except BadBody as bad:
        return _stopped(BAD_REQUEST, bad.status, reference_id)
    draft = replace(draft, key=draft.key or caller.key)
    admission = await context.service.admit(draft, campaign_id=reference_id)
    note_replay(request, admission.replayed)
    return JSONResponse(show(admission.campaign), 200)


def _limited(window: Window, reference_id: str) -> JSONResponse:
    # The vendor has no X-RateLimit headers; Retry-After is ours.
    response = show_failures([RATE_LIMIT], reference_id)
    response.headers["Retry-After"] = window.headers()["Retry-After"]
    return response


def _stopped(failure: Failure, http: int, reference_id: str) -> JSONResponse:
    response = show_failures([failure], reference_id)
    response.status_code = http
    return response


def _new_reference_id() -> str:
    """128 random bits as the vendor writes them; an admitted campaign gets it as its id."""
    return secrets.token_hex(16).upper()


def show_error(status: int, message: str) -> JSONResponse:
    """Answer what no route of this API answered."""
    return _stopped(UNAVAILABLE if status >= 500 else BAD_REQUEST, status, _new_reference_id())


_STRING = {"type": "string"}
_REQUEST = {
    MEDIA_TYPE: {
        "schema": {
            "type": "object",
            "required": ["recipients", "template"],
            "properties": {
                "recipients": {
                    **_STRING,
                    "description": "digits or digits:sessionid, separated by commas, up to 1,000",
                },
                "template": {**_STRING, "maxLength": TEXT_LENGTH_MAX},
                "ucid": {**_STRING, "enum": sorted(PURPOSES)},
                "sender_id": {**_STRING, "description": "a number, short code or name"},
                "session_id": {**_STRING, "maxLength": SESSION_ID_LENGTH_MAX},
            },
        }
    }
}


DIALECT = Dialect(
    NAME,
    PREFIX,
    routes,
    show_error,
    schemes={**BASIC, **SIGNED},
    tags={"Telesign": "Telesign's bulk SMS API"},
)
