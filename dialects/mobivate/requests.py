"""Mobivate: reading requests into drafts (seed 004_fbbb4dde654ffae7.txt).

What the vendor's pages contradict each other on is decided in docs/decisions/0017-mobivate.md.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from campaign.events import EventEndpoint
from campaign.model import NO_FIELDS, Draft, DraftRecipient, Duplicates, Policy
from campaign.names import one_line
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused
from dialects.http.faults import Entries, Words, read_model
from dialects.http.payloads import keyed
from dialects.mobivate.models import (
    ENTRIES_MAX,
    LIST_MARK,
    NAME_LENGTH_MAX,
    ORIGINATOR_LENGTH_MAX,
    REFERENCE_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    MobivateBatch,
    MobivateMessage,
    MobivateRecipient,
    MobivateSend,
)
from store.accounts.api_keys import Principal

NAME = "mobivate"

_INVALID = RefusalCode.FIELD_INVALID
_STRING = "must be a string of at most {} characters"
_SWITCH = (_INVALID, "must be true or false")
_WORDS: Words = {
    "model_type": (RefusalCode.MALFORMED, "the body must be a JSON object"),
    "recipients.missing": (RefusalCode.FIELD_MISSING, "must be an array"),
    "recipients.list_type": (_INVALID, "must be an array"),
    "recipients.too_short": (RefusalCode.TOO_FEW_RECIPIENTS, "must have an entry"),
    "recipients.too_long": (
        RefusalCode.TOO_MANY_RECIPIENTS,
        f"must have at most {ENTRIES_MAX} entries",
    ),
    "recipients[]": (_INVALID, "must be an object or a number"),
    "recipient.missing": (RefusalCode.FIELD_MISSING, "is required"),
    "recipient": (
        RefusalCode.NUMBER_INVALID,
        "must be a phone number in international format",
    ),
    "text": (_INVALID, _STRING.format(TEXT_LENGTH_MAX)),
    "originator": (_INVALID, _STRING.format(ORIGINATOR_LENGTH_MAX)),
    "reference": (_INVALID, _STRING.format(REFERENCE_LENGTH_MAX)),
    "name": (_INVALID, _STRING.format(NAME_LENGTH_MAX)),
    "bool_type": _SWITCH,
    "scheduleDateTime": (RefusalCode.SCHEDULE_INVALID, "not an ISO 8601 date and time"),
    "spreadHours": (RefusalCode.SPREAD_INVALID, "must be a number of hours"),
    "callbackURL": (_INVALID, "must be an http or https address that can be called"),
}
_RECIPIENTS: Entries[MobivateRecipient] = Entries(MobivateBatch, "recipients", _WORDS)
Faults = list[Refusal]


def read_batch(body: Any, principal: Principal) -> Draft:
    """Read a batch; raises Refused with every fault of form (a readable number)."""
    head, faults = read_model(MobivateSend, body, _WORDS)
    # The older pages call them messages.
    entries = body.get("recipients")
    if entries is None:
        entries = body.get("messages")
    if isinstance(entries, list):
        # A number alone is how the vendor's most used client writes a recipient.
        entries = [{"recipient": one} if isinstance(one, str) else one for one in entries]
    recipients, wrong = _RECIPIENTS.read(
        entries, lambda one: _recipient(one, one.text, one.originator)
    )
    if not any(one.place == "recipients" for one in wrong):
        wrong += _repeated(entries or ())
    if not (wrong or any(one.place in ("text", "originator") for one in faults)):
        wrong = _not_filled(body, recipients)
    return _draft(body, principal, head, recipients, wrong + faults)


def read_single(body: Any, principal: Principal) -> Draft:
    """Read a single message, which is a batch of one; raises Refused."""
    message, faults = read_model(MobivateMessage, body, _WORDS)
    if body.get("text") is None:
        body = {**body, "text": body.get("body")}
    recipients = [] if message is None else [_recipient(message)]
    filled = {"recipient", "reference", "meta", "text", "originator"}
    if filled.isdisjoint(one.place for one in faults):
        faults = _not_filled(body, [DraftRecipient("")]) + faults
    return _draft(body, principal, message, recipients, faults)


def _draft(
    members: Mapping[str, Any],
    principal: Principal,
    send: MobivateSend | None,
    recipients: list[DraftRecipient],
    faults: Faults,
) -> Draft:
    if send is None or faults:
        raise Refused(*faults[:SHOWN_MAX])
    exclusions = {send.exclude_opt_outs, send.exclude_optouts} - {None}
    draft = Draft(
        account_id=principal.account_id,
        dialect=NAME,
        recipients=recipients,
        policy=Policy(
            text_length_max=TEXT_LENGTH_MAX,
            duplicates=Duplicates.ALLOW if send.exclude_duplicates is False else Duplicates.SKIP,
            blanks=True,
            unplanned=True,
        ),
        # The vendor limits the length alone, so that other characters are folded.
        name=one_line(send.name or "") or None,
        sender=send.originator,
        text=send.text,
        scheduled_at=send.schedule_date_time,
        spread_hours=send.spread_hours or 0.0,
        # Exclusion wins where the two spellings of the vendor's pages differ.
        exclude_opt_outs=exclusions != {False},
        shorten_urls=bool(send.shorten_urls),
        endpoint=EventEndpoint(send.callback_url) if send.callback_url else None,
    )
    return keyed(draft, principal, members)


def _recipient(
    one: MobivateRecipient | MobivateMessage, text: str | None = None, sender: str | None = None
) -> DraftRecipient:
    is_number = one.recipient.startswith("+")
    fields = one.meta or NO_FIELDS
    if fields and not is_number:
        fields = {name: value for name, value in fields.items() if name not in LIST_MARK}
    return DraftRecipient(
        to=one.recipient if is_number else "",
        mailing_list=None if is_number else one.recipient,
        text=text,
        sender=sender,
        reference=one.reference,
        fields=fields,
    )


def _repeated(entries: Sequence[Any]) -> Faults:
    """The references that other recipients have, those of faulty recipients included."""
    faults: Faults = []
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        reference = entry.get("reference") if isinstance(entry, dict) else None
        if not isinstance(reference, str) or len(reference) > REFERENCE_LENGTH_MAX:
            seen.add("")
        elif reference in seen:
            what = "must differ from the references of other recipients"
            faults.append(Refusal(_INVALID, what, f"recipients[{index}].reference"))
        else:
            seen.add(reference)
    return faults


def _not_filled(members: Mapping[str, Any], recipients: Sequence[DraftRecipient]) -> Faults:
    """Text and originator must be given once for all, or by every recipient."""
    what = "is required unless every recipient has one"
    return [
        Refusal(RefusalCode.FIELD_MISSING, what, member)
        for member, own in (("text", "text"), ("originator", "sender"))
        if members.get(member) is None and any(getattr(one, own) is None for one in recipients)
    ]
