"""Composing: turn a draft into messages with text, sender, kind and due instant."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from campaign.credits import MessageKind
from campaign.due_instants import give_instants
from campaign.expanding import at_entries
from campaign.instants import Instant
from campaign.links import TEXT_LENGTH_MAX as LINKED_LENGTH_MAX
from campaign.links import Shortener, has_urls
from campaign.lookups import LookupPort
from campaign.model import ComposedCampaign, Draft, DraftRecipient, Duplicates, Message, Part
from campaign.phone import canonical_number, sender_kind
from campaign.prices import STANDARD_PRICES, PriceList
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused
from campaign.rules import SHAPE
from campaign.rules.duplicates import skip_repeats
from campaign.smart_encoding import smart_encoded
from campaign.states import MessageStatus
from campaign.templates import Filled, fill
from campaign.text import clean, segment
from campaign.web_addresses import ascii_address

# The reason of a failed message to a member of a mailing list who has the sender's number.
OWN_SENDER = "own_sender"
# Of texts that are too long unless their links are shortened, so many characters are kept.
LONG_TEXTS_MAX = 32_000_000
_POSITION = re.compile(r"(?<=^recipients\[)[0-9]+")


def compose(
    draft: Draft,
    received_at: Instant,
    default_sender: str | None,
    lookup: LookupPort,
    new_id: Callable[[], str],
    shortener: Shortener | None = None,
    prices: PriceList = STANDARD_PRICES,
    part: Part | None = None,
) -> ComposedCampaign:
    """Make the messages of a draft and check them against the rules in ``SHAPE``.

    ``default_sender`` is the account's, used if neither recipient nor campaign names one.
    ``new_id`` returns a new message id at each call. Without a ``shortener`` no link can be
    shortened. Mailing lists must be expanded before. ``prices`` are the installation's. Raises
    Refused with at most ``SHOWN_MAX`` faults of each kind. Stores nothing.

    With a ``part`` the recipients are a page of the campaign: the messages have their positions in
    the whole, and so have the places of faults, which name no member of a list.
    """
    found = _Faults()
    messages: list[Message] = []
    texts = _Texts(draft)
    for position, recipient in enumerate(draft.recipients):
        filled = texts.fill(position, recipient)
        message = _message(
            draft, recipient, filled, position, default_sender, lookup, new_id, found
        )
        messages.append(message)
    faults = [*found.refusals(), *texts.faults]
    sound = [message for message in messages if message.status is MessageStatus.QUEUED]
    if draft.policy.duplicates in (Duplicates.SKIP, Duplicates.SKIP_EQUAL):
        skip_repeats(sound, draft.policy.duplicates)
    if draft.shorten_urls:
        faults.extend(_shorten(sound, shortener))
    for check in SHAPE:
        faults.extend(check(ComposedCampaign(draft, sound, received_at, lengths=texts.lengths)))
    if faults and part is not None:
        raise Refused(*(_in_part(fault, part) for fault in faults))
    if faults:
        raise Refused(*at_entries(faults, draft))
    if prices != STANDARD_PRICES:
        for message in messages:
            message.own_price = prices.own_price_of(message.kind, message.country, message.segments)
    if part is not None:
        for message in messages:
            message.position += part.first
    canary_end = give_instants(draft, received_at, messages, part)
    links = shortener.links if shortener else []
    return ComposedCampaign(
        draft, messages, received_at, links, written=texts.written, canary_end=canary_end
    )


def _message(
    draft: Draft,
    recipient: DraftRecipient,
    filled: Filled,
    position: int,
    default_sender: str | None,
    lookup: LookupPort,
    new_id: Callable[[], str],
    faults: "_Faults",
) -> Message:
    def fault(code: RefusalCode, text: str, member: str) -> None:
        if recipient.fault is None:
            faults.add(recipient, position, code, text, member)

    if filled.missing and not draft.policy.blanks:
        fault(
            RefusalCode.FIELDS_MISSING,
            f"the text uses fields that this recipient lacks: {', '.join(filled.missing)}",
            "fields",
        )
    to = canonical_number(recipient.to) or recipient.to
    facts = lookup.look_up(to)
    # An impossible number on a mailing list does not refuse the campaign; the carrier decides.
    if not facts.possible and not draft.policy.unplanned and recipient.mailing_list is None:
        fault(RefusalCode.NUMBER_INVALID, "is not a possible phone number", "to")
    sender = recipient.sender or draft.sender or default_sender
    if sender is None:
        fault(
            RefusalCode.FIELD_MISSING,
            "neither recipient, campaign nor account has a sender",
            "sender",
        )
    elif sender_kind(sender) is None:
        fault(RefusalCode.SENDER_INVALID, "must be a number, short code or name", "sender")
    reason = recipient.fault
    if sender is not None and sender.removeprefix("+") == to.removeprefix("+"):
        reason = reason or OWN_SENDER
        # On a mailing list it does not refuse the campaign.
        if recipient.mailing_list is None:
            fault(RefusalCode.NUMBER_INVALID, "is the number of the sender", "to")
    media_url = recipient.media_url or draft.media_url
    if media_url is not None:
        # One that cannot be written in ASCII is refused.
        media_url = ascii_address(media_url) or media_url
    endpoint = recipient.endpoint or draft.endpoint
    return Message(
        position=position,
        id=new_id(),
        to=to,
        text=filled.text,
        media_url=media_url,
        sender=sender or "",
        kind=MessageKind.MMS if media_url else MessageKind.SMS,
        # A text that is cut is refused.
        segments=segment(filled.text).count if len(filled.text) == filled.length else 0,
        due_at=0,
        scheduled_at=recipient.scheduled_at,
        key=recipient.key,
        reference=recipient.reference,
        list_id=recipient.mailing_list,
        status=MessageStatus.QUEUED if reason is None else MessageStatus.FAILED,
        reason=reason or ("fields_missing" if filled.missing else None),
        country=facts.country,
        line_type=facts.line_type,
        network=facts.network,
        callback_url=endpoint.url if endpoint else None,
        callback_method=endpoint.method.value if endpoint else None,
        replies=recipient.replies,
        time_zone=recipient.time_zone,
    )


class _Faults:
    """Faults of recipients; alike ones of members of a list are one, with their number."""

    def __init__(self) -> None:
        # The first position, and how many.
        self._found: dict[tuple[object, ...], list[int]] = {}

    def add(
        self, recipient: DraftRecipient, position: int, code: RefusalCode, text: str, member: str
    ) -> None:
        """Add a fault, unless there are ``SHOWN_MAX`` other ones."""
        listed = recipient.mailing_list is not None
        key = (listed, recipient.entry if listed else position, code, text, member)
        if key in self._found:
            self._found[key][1] += 1
        elif len(self._found) < SHOWN_MAX:
            self._found[key] = [position, 1]

    def refusals(self) -> Iterator[Refusal]:
        """The faults in the order in which they were found."""
        for (listed, _, code, text, member), (position, count) in self._found.items():
            assert isinstance(code, RefusalCode)
            details = {"members": count} if listed else {}
            yield Refusal(code, str(text), f"recipients[{position}].{member}", details)


class _Texts:
    """Cleans and fills the texts of a draft; too long ones are cut before they take memory.

    ``lengths`` maps the positions of cut texts to their whole lengths in characters, ``written``
    those of texts that smart encoding changed to what was written; ``faults`` has the templates
    with braces that are no tag.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._length_max = draft.policy.text_length_max
        # Links in a text that is too long may become short enough.
        self._room = LONG_TEXTS_MAX if draft.shorten_urls else 0
        self._shared = clean(draft.text or "")
        self.lengths: dict[int, int] = {}
        self.written: dict[int, str] = {}
        self.faults: list[Refusal] = []

    def fill(self, position: int, recipient: DraftRecipient) -> Filled:
        """The text of one recipient, filled."""
        draft = self._draft
        length_max = LINKED_LENGTH_MAX if self._room > 0 else self._length_max
        text = self._shared if recipient.text is None else clean(recipient.text)
        if draft.policy.literal or "{{" not in text:
            filled = Filled(text[: length_max + 1], (), len(text))
        else:
            filled = fill(text, recipient.fields, length_max)
            if filled.broken is not None and recipient.fault is None:
                shared = recipient.text is None
                self._fault(filled.broken, "text" if shared else f"recipients[{position}].text")
        if filled.length > self._length_max:
            self._room -= len(filled.text)
        if len(filled.text) < filled.length:
            self.lengths[position] = filled.length
        elif draft.smart_encoding:
            encoded = smart_encoded(filled.text)
            if encoded != filled.text and len(encoded) <= length_max:
                self.written[position] = filled.text
                filled = filled._replace(text=encoded, length=len(encoded))
        return filled

    def _fault(self, broken: int, place: str) -> None:
        known = any(fault.place == place for fault in self.faults)
        if not known and len(self.faults) < SHOWN_MAX:
            what = f"the braces at character {broken + 1} are no tag; a tag is written {{{{NAME}}}}"
            self.faults.append(Refusal(RefusalCode.FIELD_INVALID, what, place))


def _shorten(messages: Iterable[Message], shortener: Shortener | None) -> Iterator[Refusal]:
    """Shorten the links of queued messages; one refusal if that is not possible."""
    for message in messages:
        if message.status is not MessageStatus.QUEUED:
            continue
        if shortener is None:
            if has_urls(message.text):
                what = "links cannot be shortened: no short link URL is configured"
                yield Refusal(RefusalCode.LINKS_UNAVAILABLE, what, "shortenUrls")
                return
            continue
        short = shortener.shorten(message.text, message.id)
        if short != message.text:
            message.compliance_text, message.text = message.text, short
            message.segments = segment(short).count


def _in_part(fault: Refusal, part: Part) -> Refusal:
    place = _POSITION.sub(lambda found: str(int(found[0]) + part.first), fault.place)
    return replace(fault, place=place)
