"""Textingline: reading the requests batch, broadcast and message into drafts."""

from collections.abc import Collection
from typing import Any

from campaign.model import Draft, DraftRecipient, Duplicates, Policy
from campaign.phone import SenderKind, full_number, sender_kind
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused
from campaign.text import clean, is_blank
from dialects.http.payloads import payload_hash, payload_key
from dialects.textingline.responses import BROADCAST_NAME, NAME
from store.accounts.api_keys import Principal

TEXT_LENGTH_MAX = 640
BATCH_MIN, BATCH_MAX = 10, 5_000
BROADCAST_MIN, BROADCAST_MAX = 100, 50_000

Faults = list[Refusal]


def read_batch(body: Any, principal: Principal) -> Draft:
    """Read a batch request; raises Refused with at most ``SHOWN_MAX`` faults."""
    members = _object(body)
    faults: Faults = []
    _check_sender(members, faults)
    _check_key(members, faults)
    entries = _entries(members, BATCH_MAX, faults)
    own = ("body", "mediaUrl", "idempotencyKey")
    recipients = _recipients(entries, own, faults)
    return _draft(members, "batch", principal, recipients, (BATCH_MIN, BATCH_MAX), faults)


def read_broadcast(body: Any, principal: Principal) -> Draft:
    """Read a broadcast, one text for all; raises Refused as ``read_batch`` does."""
    members = _object(body)
    faults: Faults = []
    _check_sender(members, faults)
    _check_key(members, faults)
    _check_content(members, faults)
    entries = _entries(members, BROADCAST_MAX, faults)
    recipients = _recipients(entries, ("idempotencyKey",), faults)
    bounds = (BROADCAST_MIN, BROADCAST_MAX)
    return _draft(members, "broadcast", principal, recipients, bounds, faults, BROADCAST_NAME)


def read_message(body: Any, principal: Principal) -> Draft:
    """Read a single message, a campaign of one; raises Refused as ``read_batch`` does."""
    members = _object(body)
    faults: Faults = []
    to = _number(members, "to", faults)
    _check_sender(members, faults)
    _check_key(members, faults)
    _check_content(members, faults)
    recipients = [DraftRecipient(to=to or "")]
    return _draft(members, "message", principal, recipients, (1, 1), faults)


def _draft(
    members: dict[str, Any],
    route: str,
    principal: Principal,
    recipients: list[DraftRecipient],
    bounds: tuple[int, int],
    faults: Faults,
    name: str | None = None,
) -> Draft:
    if faults:
        raise Refused(*faults[:SHOWN_MAX])
    key = members.get("idempotencyKey")
    # A batch is hashed without its route, as it was before it had siblings.
    hashed = payload_hash(members if route == "batch" else [route, members])
    shared = route != "batch"
    return Draft(
        account_id=principal.account_id,
        sandbox=principal.sandbox,
        dialect=NAME,
        recipients=recipients,
        policy=Policy(
            recipients_min=bounds[0],
            recipients_max=bounds[1],
            text_length_max=TEXT_LENGTH_MAX,
            duplicates=Duplicates.REFUSE,
            uniform=principal.strict_uniform,
            literal=True,
        ),
        name=name,
        sender=members["from"],
        text=members.get("body") if shared else None,
        media_url=members.get("mediaUrl") or None if shared else None,
        key=payload_key(principal, hashed) if key is None else key,
        strict_key=principal.strict_keys,
        payload_hash=hashed,
    )


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Refused(Refusal(RefusalCode.MALFORMED, "the body must be a JSON object"))
    return body


def _check_sender(members: dict[str, Any], faults: Faults) -> None:
    sender = members.get("from")
    if sender is None:
        faults.append(Refusal(RefusalCode.FIELD_MISSING, "from is required", "from"))
    elif not isinstance(sender, str) or sender_kind(sender) not in (
        SenderKind.LONG_CODE,
        SenderKind.SHORT_CODE,
    ):
        faults.append(Refusal(RefusalCode.SENDER_INVALID, "must be E.164 or a short code", "from"))


def _check_key(members: dict[str, Any], faults: Faults) -> None:
    if not isinstance(members.get("idempotencyKey"), str | None):
        faults.append(Refusal(RefusalCode.KEY_INVALID, "must be a string", "idempotencyKey"))


def _check_content(members: dict[str, Any], faults: Faults) -> None:
    """Check the shared content once, so that its fault is not repeated for each recipient."""
    text, media_url = members.get("body"), members.get("mediaUrl")
    if not _are_strings(members, ("body", "mediaUrl"), "", faults):
        return
    if is_blank(text or "") and not media_url:
        what = "body is required without a mediaUrl"
        faults.append(Refusal(RefusalCode.FIELD_MISSING, what, "body"))
    elif text and (length := len(clean(text))) > TEXT_LENGTH_MAX:
        what = f"{length} characters, at most {TEXT_LENGTH_MAX} are allowed"
        faults.append(Refusal(RefusalCode.CONTENT_TOO_LONG, what, "body"))


def _entries(members: dict[str, Any], most: int, faults: Faults) -> list[Any]:
    entries = members.get("recipients")
    if not isinstance(entries, list):
        missing = RefusalCode.FIELD_MISSING if entries is None else RefusalCode.FIELD_INVALID
        faults.append(Refusal(missing, "recipients must be an array", "recipients"))
        return []
    if len(entries) > most:
        # Refused before the numbers are looked up.
        what = f"at most {most} recipients are allowed, there are {len(entries)}"
        bounds = {"count": len(entries), "max": most}
        raise Refused(Refusal(RefusalCode.TOO_MANY_RECIPIENTS, what, "recipients", bounds))
    return entries


def _recipients(entries: list[Any], own: Collection[str], faults: Faults) -> list[DraftRecipient]:
    return [
        recipient
        for index, entry in enumerate(entries)
        if (recipient := _recipient(entry, f"recipients[{index}]", own, faults)) is not None
    ]


def _recipient(
    entry: Any, place: str, own: Collection[str], faults: Faults
) -> DraftRecipient | None:
    """Read one recipient; ``own`` names the members that each recipient may have."""
    if not isinstance(entry, dict):
        faults.append(Refusal(RefusalCode.FIELD_INVALID, "must be an object", place))
        return None
    to = _number(entry, f"{place}.to", faults)
    if to is None:
        return None
    if not _are_strings(entry, own, f"{place}.", faults):
        return None
    return DraftRecipient(
        to=to,
        text=entry.get("body") if "body" in own else None,
        media_url=entry.get("mediaUrl") or None if "mediaUrl" in own else None,
        key=entry.get("idempotencyKey"),
    )


def _number(entry: dict[str, Any], place: str, faults: Faults) -> str | None:
    to = entry.get("to")
    if to is None:
        faults.append(Refusal(RefusalCode.FIELD_MISSING, "to is required", place))
        return None
    number = full_number(to) if isinstance(to, str) else None
    if number is None:
        faults.append(Refusal(RefusalCode.NUMBER_INVALID, "must be E.164", place))
    return number


def _are_strings(
    entry: dict[str, Any], members: Collection[str], before: str, faults: Faults
) -> bool:
    """True if the members are strings or missing; the first other one becomes a fault."""
    for member in members:
        if not isinstance(entry.get(member), str | None):
            place = f"{before}{member}"
            faults.append(Refusal(RefusalCode.FIELD_INVALID, "must be a string", place))
            return False
    return True
