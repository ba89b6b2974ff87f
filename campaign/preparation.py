"""Large campaigns: their draft is stored, and becomes messages page by page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from pydantic import TypeAdapter

from campaign.credits import Price
from campaign.expanding import Member, of_members
from campaign.instants import Instant
from campaign.model import ComposedCampaign, Draft, DraftRecipient, Part
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused

PAGE_SIZE = 5_000


@cache
def _drafts() -> TypeAdapter[Draft]:
    return TypeAdapter(Draft)


def check_preparable(draft: Draft, above: int) -> None:
    """Check that a large draft has mailing lists alone, so that it names no person; else Refused.

    Who is erased is then erased from the lists and from the messages.
    """
    what = f"must be on a mailing list: there are more than {above:,} recipients"
    faults = [
        Refusal(RefusalCode.TOO_MANY_RECIPIENTS, what, f"recipients[{index}].to")
        for index, recipient in enumerate(draft.recipients)
        if recipient.mailing_list is None
    ]
    if faults:
        raise Refused(*faults[:SHOWN_MAX])


def stored_draft(draft: Draft) -> str:
    """A draft as the store keeps it until its campaign has a verdict."""
    return _drafts().dump_json(draft, exclude_defaults=True).decode()


def draft_from_json(stored: str) -> Draft:
    """Read what ``stored_draft`` made."""
    return _drafts().validate_json(stored)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The next recipient: an entry of the draft, and the last number of its list that was read."""

    entry: int = 0
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Preparation:
    """How far a campaign is prepared.

    ``written`` messages have positions from 0 on; those before ``validated`` meet the
    rules, and ``to_send`` and ``price`` are of the ones among them that will be sent. ``expected``
    is how many recipients there were when it was created.
    """

    account_id: str
    draft: Draft
    received_at: Instant
    expected: int
    written: int
    cancelled: bool
    cursor: Cursor = Cursor()
    validated: int = 0
    to_send: int = 0
    price: Price = field(default_factory=Price)


# Makes the messages of one page; raises Refused.
ComposePage = Callable[[Draft, Part, Instant], ComposedCampaign]


class PreparationStore(Protocol):
    """What preparing asks of the store; one transaction each."""

    def get(self, campaign_id: str) -> Preparation | None:
        """How far a campaign is prepared; None once it has its verdict or was given up."""
        ...

    def write_page(
        self, campaign_id: str, at: Preparation, composed: ComposedCampaign, following: Cursor
    ) -> bool:
        """Write the messages of a page and where the next one begins, unless another has done it.

        Repeats of numbers on earlier pages are skipped, and so is who wants nothing.
        """
        ...

    def lacking(self, campaign_id: str, price: Price) -> Refusal | None:
        """The refusal of an account that has too few credits for a price now, if it has."""
        ...

    def set_validated(self, campaign_id: str, at: Preparation, to_send: int, price: Price) -> None:
        """Write that everything written is validated, unless another has done it."""
        ...

    def finish(self, campaign_id: str, now: Instant) -> None:
        """Let a campaign that is paid for leave: scheduled, or paused if that was ordered.

        One that is being cancelled stays as it is. Twice changes nothing.
        """
        ...

    def give_up(self, campaign_id: str) -> None:
        """Forget what is left to prepare of a campaign that is being cancelled."""
        ...


class MemberStore(Protocol):
    """Where the members of mailing lists are."""

    def members(self, list_id: str, limit: int = 100, after: str | None = None) -> Sequence[Member]:
        """A page of members by number; ``after`` is the last number of the page before."""
        ...


def next_page(
    draft: Draft, cursor: Cursor, lists: MemberStore, size: int
) -> tuple[list[DraftRecipient], Cursor]:
    """The next recipients of a draft, all of one list, and where the next page begins.

    No recipients: there are no more.
    """
    entry, after = cursor.entry, cursor.after
    while entry < len(draft.recipients):
        recipient = draft.recipients[entry]
        assert recipient.mailing_list is not None
        members = lists.members(recipient.mailing_list, size, after)
        if members:
            return of_members(recipient, members), Cursor(entry, members[-1].number)
        entry, after = entry + 1, None
    return [], Cursor(entry)
