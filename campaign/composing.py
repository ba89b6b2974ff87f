"""Turn a draft into messages: text rendered, sender chosen, priced by kind, due at an instant."""

from collections.abc import Callable, Iterable

from campaign.credits import MessageKind
from campaign.instants import Instant
from campaign.model import Candidate, Draft, DraftRecipient, Duplicates, Message
from campaign.phone import sender_kind
from campaign.ports import LookupPort
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused
from campaign.rules import SHAPE
from campaign.rules.duplicates import skip_repeats
from campaign.schedule import ideal_instants
from campaign.states import MessageStatus
from campaign.text import fill, segment


def compose(
    draft: Draft,
    received_at: Instant,
    default_sender: str | None,
    lookup: LookupPort,
    new_id: Callable[[], str],
) -> Candidate:
    """Make the messages of a draft and hold them against every rule of shape.

    ``default_sender`` is the account's, used where neither recipient nor campaign names one.
    ``new_id`` gives a fresh message id at each call. Raises Refused with every fault found (at
    most a readable number of each kind); nothing has been stored then.
    """
    faults: list[Refusal] = []
    messages: list[Message] = []
    for position, recipient in enumerate(draft.recipients):
        message = _message(draft, recipient, position, default_sender, lookup, new_id, faults)
        messages.append(message)
    if draft.policy.duplicates is Duplicates.SKIP:
        skip_repeats(messages)
    candidate = Candidate(draft, messages, received_at)
    for check in SHAPE:
        faults.extend(check(candidate))
    if faults:
        raise Refused(*faults)
    _give_instants(draft, received_at, messages)
    return candidate


def base_instant(draft: Draft, received_at: Instant) -> Instant:
    """The instant that the plan of a draft counts from: its schedule, or now."""
    return max(draft.scheduled_at or received_at, received_at)


def _message(
    draft: Draft,
    recipient: DraftRecipient,
    position: int,
    default_sender: str | None,
    lookup: LookupPort,
    new_id: Callable[[], str],
    faults: list[Refusal],
) -> Message:
    def fault(code: RefusalCode, text: str, member: str) -> None:
        if len(faults) < SHOWN_MAX:
            faults.append(Refusal(code, text, f"recipients[{position}].{member}"))

    template = recipient.text if recipient.text is not None else draft.text
    text = template or ""
    if "{{" in text:
        filled = fill(text, recipient.fields)
        text = filled.text
        if filled.missing:
            fault(
                RefusalCode.FIELDS_MISSING,
                f"the text needs fields that this recipient lacks: {', '.join(filled.missing)}",
                "fields",
            )
    facts = lookup.look_up(recipient.to)
    if not facts.possible:
        fault(RefusalCode.NUMBER_INVALID, "no such number can exist", "to")
    sender = recipient.sender or draft.sender or default_sender
    if sender is None:
        fault(RefusalCode.FIELD_MISSING, "no sender here, on the campaign or account", "sender")
    elif sender_kind(sender) is None:
        fault(RefusalCode.SENDER_INVALID, "not a number, short code or name", "sender")
    media_url = recipient.media_url or draft.media_url
    return Message(
        position=position,
        id=new_id(),
        to=recipient.to,
        text=text,
        media_url=media_url,
        sender=sender or "",
        kind=MessageKind.MMS if media_url else MessageKind.SMS,
        segments=segment(text).count,
        due_at=0,
        scheduled_at=recipient.scheduled_at,
        key=recipient.key,
        reference=recipient.reference,
        country=facts.country,
        line_type=facts.line_type,
        network=facts.network,
    )


def _give_instants(draft: Draft, received_at: Instant, messages: Iterable[Message]) -> None:
    spread_over = []
    for message in messages:
        if message.scheduled_at is not None:
            message.due_at = max(message.scheduled_at, received_at)
        elif message.status is MessageStatus.QUEUED:
            spread_over.append(message)
        else:
            message.due_at = received_at
    instants = ideal_instants(
        base_instant(draft, received_at), draft.spread_hours, len(spread_over)
    )
    for message, instant in zip(spread_over, instants, strict=True):
        message.due_at = instant
