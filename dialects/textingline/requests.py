"""Textingline: reading the requests batch, broadcast and message into drafts."""

from collections.abc import Callable
from typing import Any, TypeVar

from campaign.model import Draft, DraftRecipient, Duplicates, Policy
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused
from dialects.http.faults import Entries, Words, read_model
from dialects.http.payloads import keyed
from dialects.textingline.models import (
    BATCH_MAX,
    BATCH_MIN,
    BROADCAST_MAX,
    BROADCAST_MIN,
    TEXT_LENGTH_MAX,
    TextinglineBatch,
    TextinglineBroadcast,
    TextinglineBroadcastRecipient,
    TextinglineContent,
    TextinglineMessage,
    TextinglineRecipient,
    TextinglineSend,
)
from dialects.textingline.responses import BROADCAST_NAME, NAME
from store.accounts.api_keys import Principal

Recipient = TypeVar("Recipient")
Faults = list[Refusal]

_WORDS: Words = {
    "model_type": (RefusalCode.MALFORMED, "the body must be a JSON object"),
    "from.missing": (RefusalCode.FIELD_MISSING, "from is required"),
    "from": (RefusalCode.SENDER_INVALID, "must be E.164 or a short code"),
    "to.missing": (RefusalCode.FIELD_MISSING, "to is required"),
    "to": (RefusalCode.NUMBER_INVALID, "must be E.164"),
    "recipients.missing": (RefusalCode.FIELD_MISSING, "recipients must be an array"),
    "recipients.list_type": (RefusalCode.FIELD_INVALID, "recipients must be an array"),
    "recipients[]": (RefusalCode.FIELD_INVALID, "must be an object"),
    "string_type": (RefusalCode.FIELD_INVALID, "must be a string"),
}
_SHARED_WORDS: Words = {
    **_WORDS,
    "idempotencyKey": (RefusalCode.KEY_INVALID, "must be a string"),
}
_BOUNDS = {
    "batch": (BATCH_MIN, BATCH_MAX),
    "broadcast": (BROADCAST_MIN, BROADCAST_MAX),
    "message": (1, 1),
}
_BATCH: Entries[TextinglineRecipient] = Entries(TextinglineBatch, "recipients", _WORDS, True)
_BROADCAST: Entries[TextinglineBroadcastRecipient] = Entries(
    TextinglineBroadcast, "recipients", _WORDS, True
)


def read_batch(body: Any, principal: Principal) -> Draft:
    """Read a batch request; raises Refused with at most ``SHOWN_MAX`` faults."""
    send, faults = read_model(TextinglineSend, body, _SHARED_WORDS)
    recipients, wrong = _entries(body, _BATCH, _recipient)
    return _draft(body, send, "batch", principal, recipients, faults + wrong)


def read_broadcast(body: Any, principal: Principal) -> Draft:
    """Read a broadcast, one text for all; raises Refused as ``read_batch`` does."""
    send, faults = read_model(TextinglineContent, body, _SHARED_WORDS)
    recipients, wrong = _entries(
        body, _BROADCAST, lambda one: DraftRecipient(one.to, key=one.idempotency_key)
    )
    return _draft(body, send, "broadcast", principal, recipients, faults + wrong)


def read_message(body: Any, principal: Principal) -> Draft:
    """Read a single message, a campaign of one; raises Refused as ``read_batch`` does."""
    send, faults = read_model(TextinglineMessage, body, _SHARED_WORDS)
    recipients = [DraftRecipient(send.to)] if send else []
    return _draft(body, send, "message", principal, recipients, faults)


def _entries(
    body: Any, entries: Entries[Recipient], make: Callable[[Recipient], DraftRecipient]
) -> tuple[list[DraftRecipient], Faults]:
    """The recipients of a request and their faults; raises Refused at once for too many."""
    recipients, faults = entries.read(body.get("recipients"), make)
    if faults and faults[0].code is RefusalCode.TOO_MANY_RECIPIENTS:
        raise Refused(faults[0])
    return recipients, faults


def _recipient(one: TextinglineRecipient) -> DraftRecipient:
    return DraftRecipient(
        one.to, text=one.body, media_url=one.media_url or None, key=one.idempotency_key
    )


def _draft(
    body: dict[str, Any],
    send: TextinglineSend | None,
    route: str,
    principal: Principal,
    recipients: list[DraftRecipient],
    faults: Faults,
) -> Draft:
    if send is None or faults:
        raise Refused(*faults[:SHOWN_MAX])
    least, most = _BOUNDS[route]
    shared = send if isinstance(send, TextinglineContent) else None
    draft = Draft(
        account_id=principal.account_id,
        dialect=NAME,
        recipients=recipients,
        policy=Policy(
            recipients_min=least,
            recipients_max=most,
            text_length_max=TEXT_LENGTH_MAX,
            duplicates=Duplicates.REFUSE,
            uniform=principal.strict_uniform,
            literal=True,
        ),
        name=BROADCAST_NAME if route == "broadcast" else None,
        sender=send.sender,
        text=shared.body if shared else None,
        media_url=shared.media_url or None if shared else None,
    )
    # A batch is hashed without its route, as it was before it had siblings.
    payload = body if route == "batch" else [route, body]
    return keyed(draft, principal, payload, send.idempotency_key)
