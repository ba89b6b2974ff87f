"""Another text for what has not left of a campaign: rows, links and credits in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, text

from campaign.activity import Action
from campaign.credits import CreditKind, CreditsMax, Price
from campaign.failures import BrokenInvariant
from campaign.instants import Instant
from campaign.model import ComposedCampaign, Message
from campaign.orders import Order
from campaign.refusals import Refusal
from campaign.states import CampaignStatus, MessageStatus
from campaign.text_edits import (
    Template,
    Unsent,
    entry_of,
    stored_template,
    template_from_json,
)
from store.campaigns.admission import insufficient
from store.database.engine import Database
from store.shared import ledger
from store.shared.activity import record
from store.shared.prices import PRICE_COLUMNS, price_of
from store.shared.text_changes import TextChanges, change_of, kept_price, links_of, rows_of

# Rows of one statement; more would make its parameter large, and the statement no faster.
PAGE = 5_000
EDITABLE = frozenset({CampaignStatus.SCHEDULED, CampaignStatus.RUNNING, CampaignStatus.PAUSED})
# COALESCE keeps both databases off the queue index, which is slower for a whole campaign.
_HAS_CAMPAIGN_TEXT = """
    campaign_id = :campaign AND NOT was_unknown AND own_text IS NOT TRUE AND recipient <> 'erased'
        AND COALESCE(status, '')
"""
_READ = text(f"""
    SELECT position, id, recipient, sender, media_url, country, due_at, scheduled_at, fields, status
    FROM message WHERE {_HAS_CAMPAIGN_TEXT} IN ('queued', 'retryable', 'sending') ORDER BY position
""")
UNSENT, SENDING = ("queued", "retryable"), ("sending", "sending")
_CAMPAIGN = "SELECT * FROM campaign WHERE id = :campaign"
_TEMPLATE = text("SELECT template FROM campaign WHERE id = :campaign")
_WRITE_TEMPLATE = text("""
    UPDATE campaign SET template = :template WHERE id = :campaign
""")


@dataclass(frozen=True, slots=True)
class UnsentTexts:
    """The messages of a campaign that have its text and have not surely left, and its template.

    ``under_way`` are the positions of those that a worker is sending. ``template`` is None if the
    campaign is older than templates, or its texts were removed.
    """

    template: Template | None
    messages: Sequence[Unsent]
    under_way: frozenset[int]


@dataclass(frozen=True, slots=True)
class TextEdit:
    """What an edit did: how many texts it replaced, and what they cost more, or less.

    ``under_way`` counts the messages that a worker was sending: each keeps its text, unless its
    carrier puts it off. With a ``refusal`` it has changed nothing, because credits do not suffice.
    ``samples`` are the longest of the new texts and the first, none twice.
    """

    messages: int
    under_way: int
    difference: Price
    refusal: Refusal | None = None
    samples: tuple[Message, ...] = ()


class NotEditable(Exception):
    """The campaign has ended, is being cancelled, or is not admitted yet."""

    def __init__(self, status: CampaignStatus) -> None:
        super().__init__(status.value)
        self.status = status


class UnsentMoved(Exception):
    """A message came back since it was read, so that the edit has no text for it."""


class _Undone(Exception):
    """Rolls the transaction back; ``edit`` is what it came to."""

    def __init__(self, edit: TextEdit) -> None:
        super().__init__()
        self.edit = edit


class TextEdits:
    """Reads what an edit may change, and writes edits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes = TextChanges(database)
        for_update = database.for_update
        self._campaign = text(f"{_CAMPAIGN}{for_update}")
        self._lock = text(f"""
            SELECT position, status, kind, next_text, {PRICE_COLUMNS} FROM message
            WHERE {_HAS_CAMPAIGN_TEXT} IN (:status, :other)
            ORDER BY position{for_update}
        """)
        self._lock_holds = text(f"""
            SELECT kind, amount, voided FROM hold WHERE campaign_id = :campaign
            ORDER BY kind DESC{for_update}
        """)

    def unsent(self, campaign_id: str) -> UnsentTexts:
        """Read the messages that an edit may concern; raises NoResultFound for an unknown id."""

        def work(connection: Connection) -> UnsentTexts:
            values = {"campaign": campaign_id}
            campaign = connection.execute(text(_CAMPAIGN), values).one()
            template = None if campaign.template is None else template_from_json(campaign.template)
            rows = connection.execute(_READ, values).all()
            under_way = {row.position for row in rows if row.status == MessageStatus.SENDING}
            messages = [Unsent._make(row[:-1]) for row in rows]
            return UnsentTexts(template, messages, frozenset(under_way))

        return self._database.read_snapshot(work)

    def template(self, campaign_id: str) -> Template | None:
        """What a campaign's texts are made of; None if that was not kept, or is removed."""
        values = {"campaign": campaign_id}
        stored = self._database.read(
            lambda connection: connection.execute(_TEMPLATE, values).scalar_one()
        )
        return None if stored is None else template_from_json(stored)

    def apply(
        self,
        campaign_id: str,
        composed: ComposedCampaign,
        template: Template,
        now: Instant,
        look: Callable[[Connection], None] | None = None,
    ) -> TextEdit:
        """Give what has not left the texts of ``composed``, and hold or void the difference.

        A message that a worker is sending keeps its text, and gets the new one when its carrier
        puts it off. All or nothing. A ``look`` is called when the edit is made, and the edit is
        then taken back. Raises NotEditable, and UnsentMoved if the caller must read and compose
        anew. Written again, the same edit changes nothing.
        """

        links = links_of(composed)
        made = {entry_of(composed, message): message for message in composed.messages}
        changes = {position: change_of(position, made[position], links) for position in made}
        # Written before the transaction, so that others wait for less.
        ordered = list(changes.values())
        pages = [
            rows_of(campaign_id, ordered[start : start + PAGE])
            for start in range(0, len(ordered), PAGE)
        ]

        def work(connection: Connection) -> TextEdit:
            campaign = connection.execute(self._campaign, {"campaign": campaign_id}).one()
            status = CampaignStatus(campaign.status)
            if status not in EDITABLE or campaign.ordered == Order.CANCEL:
                raise NotEditable(status)
            locked = self._locked(connection, campaign_id)
            if not locked.keys() <= made.keys():
                raise UnsentMoved
            under_way = [p for p, row in locked.items() if row.status == MessageStatus.SENDING]
            written = sum(self._changes.write(connection, page) for page in pages)
            if written != len(locked) - len(under_way):
                raise BrokenInvariant("a locked row changed its state")
            if template.shorten_urls:
                unsent = locked.keys() - set(under_way)
                self._changes.relink(connection, campaign_id, [changes[p] for p in unsent], now)
            if under_way:
                self._changes.keep(connection, campaign_id, [changes[p] for p in under_way])
            edit = _priced(locked, made, written)
            refusal = self._hold_difference(connection, campaign, edit, now)
            if refusal is not None:
                raise _Undone(replace(edit, refusal=refusal))
            self._record(connection, campaign, template, edit)
            if look is not None:
                look(connection)
                raise _Undone(edit)
            return edit

        try:
            return self._database.write(work)
        except _Undone as undone:
            return undone.edit

    def _locked(self, connection: Connection, campaign_id: str) -> dict[int, Row[Any]]:
        """Lock what an edit concerns; the rows by position, each with its status at that moment.

        A chunk locks due messages before those whose outcomes it writes, so the two kinds are
        locked in that order. Messages that were put off in between are found by the third look.
        """
        locked: dict[int, Row[Any]] = {}
        for status, other in (UNSENT, SENDING, UNSENT):
            values = {"campaign": campaign_id, "status": status, "other": other}
            for row in connection.execute(self._lock, values):
                locked[row.position] = row
        return locked

    def _hold_difference(
        self, connection: Connection, campaign: Row[Any], edit: TextEdit, now: Instant
    ) -> Refusal | None:
        """Hold what the new texts cost more, or void what they cost less.

        Returns a refusal, upon which the caller rolls its transaction back, if the account lacks
        the credits or the campaign would cost more than it may.
        """
        values = {"campaign": campaign.id}
        holds = connection.execute(self._lock_holds, values).all()
        held = {row.kind: int(row.amount - row.voided) for row in holds}
        cost = Price(*(held.get(kind, 0) + edit.difference.of(kind) for kind in CreditKind))
        most = CreditsMax(campaign.credits_max_sms, campaign.credits_max_mms)
        grows = any(edit.difference.of(kind) > 0 for kind in CreditKind)
        if grows and (fault := most.fault_of(cost)) is not None:
            return fault
        try:
            ledger.change(connection, campaign.account_id, campaign.id, edit.difference, now)
        except ledger.Overdrawn as overdrawn:
            return insufficient(overdrawn.kind)
        return None

    @staticmethod
    def _record(
        connection: Connection, campaign: Row[Any], template: Template, edit: TextEdit
    ) -> None:
        """Keep the new template, and record who changed it, without its text."""
        stored = stored_template(template)
        if campaign.template == stored:
            return
        connection.execute(_WRITE_TEMPLATE, {"campaign": campaign.id, "template": stored})
        old = template_from_json(campaign.template)
        record(
            connection,
            Action.CAMPAIGN_CHANGED,
            campaign.id,
            account=campaign.account_id,
            before={"textLength": len(old.text or "")},
            after={"textLength": len(template.text or ""), "messages": edit.messages},
        )


def _priced(locked: Mapping[int, Row[Any]], made: Mapping[int, Message], messages: int) -> TextEdit:
    """Add up the difference of an edit.

    A message under way may be sent at its old price or at that of the edit that is kept for it, so
    the larger one is held until then. A later edit replaces the kept one.
    """
    difference = Price()
    for position, row in locked.items():
        before, after = price_of(row), made[position].price
        if row.status == MessageStatus.SENDING:
            kept = before if row.next_text is None else kept_price(row)
            before, after = _larger(before, kept), _larger(before, after)
        difference += Price(after.sms - before.sms, after.mms - before.mms)
    return TextEdit(messages, len(locked) - messages, difference)


def _larger(one: Price, other: Price) -> Price:
    return Price(max(one.sms, other.sms), max(one.mms, other.mms))
