"""Another text for the messages of a campaign that have not left: composed as at its creation."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from campaign.composing import compose
from campaign.instants import Instant
from campaign.links import Shortener
from campaign.lookups import NumberFacts
from campaign.model import (
    NO_FIELDS,
    ComposedCampaign,
    Draft,
    DraftRecipient,
    Duplicates,
    Message,
    Policy,
)
from campaign.prices import STANDARD_PRICES, PriceList


@dataclass(frozen=True, slots=True)
class Template:
    """What a campaign's texts are made of: its text, None if it has none, and the rules for it.

    ``length_max`` counts characters. The rules are those of :class:`campaign.model.Policy` and
    :class:`campaign.model.Draft`.
    """

    text: str | None
    length_max: int
    literal: bool = False
    blanks: bool = False
    smart_encoding: bool = False
    shorten_urls: bool = False


class Unsent(NamedTuple):
    """A message that has not left and has the campaign's text, as the store keeps it."""

    position: int
    id: str
    recipient: str
    sender: str
    media_url: str | None
    country: str | None
    due_at: Instant
    scheduled_at: Instant | None
    fields: str | None

    @property
    def field_values(self) -> Mapping[str, str]:
        """The values of the tags in its text."""
        return NO_FIELDS if self.fields is None else json.loads(self.fields)


def template_of(draft: Draft) -> Template:
    """What the texts of a draft are made of."""
    return Template(
        text=draft.text,
        length_max=draft.policy.text_length_max,
        literal=draft.policy.literal,
        blanks=draft.policy.blanks,
        smart_encoding=draft.smart_encoding,
        shorten_urls=draft.shorten_urls,
    )


def stored_template(template: Template) -> str:
    """A template as the store keeps it."""
    return json.dumps(asdict(template))


def template_from_json(stored: str) -> Template:
    """Read what ``stored_template`` made."""
    return Template(**json.loads(stored))


def compose_edit(
    account_id: str,
    dialect: str,
    template: Template,
    unsent: Sequence[Unsent],
    now: Instant,
    shortener: Shortener | None,
    prices: PriceList = STANDARD_PRICES,
) -> ComposedCampaign:
    """Make the texts of unsent messages by a template, and check them as those of a new campaign.

    The messages have their ids and instants; their positions count from 0 in the order of
    ``unsent``, as in ``draft.recipients``, whose entries are the positions in the campaign. Raises
    Refused with every fault, at those positions. Stores nothing.
    """
    draft = Draft(
        account_id=account_id,
        dialect=dialect,
        recipients=[
            DraftRecipient(
                to=row.recipient,
                media_url=row.media_url,
                sender=row.sender,
                fields=row.field_values,
                entry=row.position,
            )
            for row in unsent
        ],
        # What is not about the text was checked when the campaign was created.
        policy=Policy(
            text_length_max=template.length_max,
            duplicates=Duplicates.ALLOW,
            literal=template.literal,
            blanks=template.blanks,
            unplanned=True,
            recipients_max=max(1, len(unsent)),
        ),
        text=template.text,
        shorten_urls=template.shorten_urls,
        smart_encoding=template.smart_encoding,
    )
    ids = iter([row.id for row in unsent])
    composed = compose(draft, now, None, _Known(unsent), ids.__next__, shortener, prices)
    for message, row in zip(composed.messages, unsent, strict=True):
        message.due_at, message.scheduled_at = row.due_at, row.scheduled_at
    return composed


def first_texts(composed: ComposedCampaign) -> Mapping[str, int]:
    """Each distinct text that the rules check, with the first position in the campaign."""
    firsts: dict[str, int] = {}
    for message in composed.messages:
        firsts.setdefault(_checked(message), entry_of(composed, message))
    return firsts


def segments_to_spread(composed: ComposedCampaign) -> Mapping[str, int]:
    """The segments, by sender, of the messages that have no time of their own."""
    segments: Counter[str] = Counter()
    for message in composed.messages:
        if message.scheduled_at is None:
            segments[message.sender] += message.segments
    return segments


def entry_of(composed: ComposedCampaign, message: Message) -> int:
    """The position of a message in its campaign."""
    entry = composed.draft.recipients[message.position].entry
    assert entry is not None
    return entry


def _checked(message: Message) -> str:
    return message.compliance_text or message.text


class _Known:
    """Knows of each number what the store has of it."""

    def __init__(self, unsent: Sequence[Unsent]) -> None:
        self._countries = {row.recipient: row.country for row in unsent}

    def look_up(self, number: str) -> NumberFacts:
        """See :class:`campaign.ports.LookupPort`."""
        return NumberFacts(True, self._countries.get(number))
