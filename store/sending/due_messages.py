"""Which messages of a chunk may leave now: those that are due, within every rate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from sqlalchemy import Connection, text

from campaign.instants import INSTANT_MAX, Instant
from campaign.ports import ChunkRange
from campaign.rates import Grants, campaign_scope, carrier_scope, sender_scope
from campaign.routing import Choice, choose
from store.database.engine import Database
from store.sending.carrier_health import PROBE_EVERY, Health
from store.sending.rows import DueMessage
from store.sending.time_limits import TimeLimits
from store.shared.rates import Rates
from store.shared.routes import Routes

# COALESCE keeps SQLite off the queue index: a chunk is a range of the primary key. ``tries``
# counts since the campaign was last retried, because a retry allows every try again.
_DUE_MESSAGES = """
    SELECT position, id, recipient, text, media_url, sender, segments, attempts, key, list_id,
        country, time_zone, carrier AS via,
        CASE
            WHEN attempts = 0 OR was_unknown THEN attempts
            ELSE attempts - COALESCE((
                SELECT max(a.number) FROM attempt a
                WHERE a.campaign_id = message.campaign_id AND a.position = message.position
                    AND a.outcome = 'failed'
            ), 0) END AS tries
    FROM message
    WHERE campaign_id = :campaign AND position >= :low AND position < :high
        AND COALESCE(status, '') IN ('queued', 'retryable')
        AND due_at <= :due
    ORDER BY position
    LIMIT :count
"""
_NEXT_DUE = text("""
    SELECT min(due_at) FROM message
    WHERE campaign_id = :campaign AND position >= :low AND position < :high
        AND COALESCE(status, '') IN ('queued', 'retryable')
        AND due_at > :due AND due_at <= :due_until
""")


@dataclass(frozen=True, slots=True)
class Leave:
    """When a message may leave (0: at once), and through which carrier."""

    start_at: Instant
    choice: Choice


@dataclass(frozen=True, slots=True)
class Found:
    """Messages that may leave, with their instant and carrier by position.

    ``exhausted`` says that no message of the chunk is left. Otherwise ``ask_again_at`` is when
    those may leave that a rate or ``down``, a carrier that is down, holds back: ``waits_for`` names
    it. Without it, ``ask_again_at`` is when the next one is due.
    ``closed`` are due, but outside of their hours: when they may leave, by position; None: never.
    """

    rows: Sequence[DueMessage] = ()
    leaves: Mapping[int, Leave] = field(default_factory=dict)
    exhausted: bool = True
    ask_again_at: Instant | None = None
    waits_for: str | None = None
    down: str | None = None
    closed: Mapping[int, Instant | None] = field(default_factory=dict)


class DueMessages:
    """Finds and locks messages to send, inside the transaction that claims them."""

    def __init__(self, database: Database, rates: Rates, health: Health, routes: Routes) -> None:
        self._rates_store = rates
        self.health = health
        self.routes = routes
        # Another transaction is moving a locked row; the next call finds what that left.
        skip_locked = "" if database.is_sqlite else "FOR UPDATE SKIP LOCKED"
        self._find = text(f"{_DUE_MESSAGES} {skip_locked}")

    def find(
        self,
        connection: Connection,
        account_id: str,
        chunk: ChunkRange,
        count: int,
        now: Instant,
        limits: TimeLimits,
        sandbox: bool = False,
    ) -> Found:
        """Return up to ``count`` messages; spends their segments where a rate applies.

        In the ``sandbox`` only the campaign's own rate applies, so that it slows down no other.
        """
        if count <= 0:
            return Found()
        wanted = {
            "campaign": chunk.campaign_id,
            "low": chunk.low,
            "high": chunk.high,
            "due": min(chunk.due_until, now),
            "due_until": chunk.due_until,
            "count": count,
        }
        due = [DueMessage._make(row) for row in connection.execute(self._find, wanted).all()]
        closed = limits.closed(due, now)
        open_now = [row for index, row in enumerate(due) if index not in closed] if closed else due
        look = _Look(self, connection, account_id, now, sandbox)
        chosen = [(row, choice) for row in open_now if (choice := look.choose(row)) is not None]
        found = self._granted(
            connection, chunk.campaign_id, None if sandbox else account_id, chosen, now
        )
        if look.probe_at is not None and look.probe_at < (found.ask_again_at or INSTANT_MAX):
            waits_for = f"down:{look.down_carrier}"
            found = replace(found, ask_again_at=look.probe_at, waits_for=waits_for)
        if len(due) < count and found.ask_again_at is None and now < chunk.due_until:
            found = replace(found, ask_again_at=connection.execute(_NEXT_DUE, wanted).scalar())
        return replace(
            found,
            exhausted=len(due) < count and found.ask_again_at is None,
            down=look.down_carrier,
            closed={due[index].position: opens_at for index, opens_at in closed.items()},
        )

    def _granted(
        self,
        connection: Connection,
        campaign_id: str,
        account_id: str | None,
        chosen: Sequence[tuple[DueMessage, Choice]],
        now: Instant,
    ) -> Found:
        """Return those of the messages that every rate lets leave now.

        Without an account only the campaign's rate is asked.
        """
        if not self._rates_store.has_any(connection, campaign_id, now):
            leaves = {row.position: Leave(0, choice) for row, choice in chosen}
            return Found([row for row, _ in chosen], leaves)
        campaign = campaign_scope(campaign_id)
        scopes = [
            (campaign,)
            if account_id is None
            else (campaign, sender_scope(account_id, row.sender), carrier_scope(choice.carrier))
            for row, choice in chosen
        ]
        states = self._rates_store.lock(connection, chain.from_iterable(scopes), now)
        grants = Grants(states, now)
        leaves = {
            row.position: Leave(start, choice)
            for (row, choice), of in zip(chosen, scopes, strict=True)
            if (start := grants.grant(of, row.segments)) is not None
        }
        self._rates_store.write(connection, states, grants.touched)
        rows = [row for row, _ in chosen if row.position in leaves]
        return Found(rows, leaves, ask_again_at=grants.ask_again_at, waits_for=grants.blocked_by)


class _Look:
    """Chooses carriers for the messages of one call, and probes those that are down."""

    def __init__(
        self,
        due_messages: DueMessages,
        connection: Connection,
        account_id: str,
        now: Instant,
        sandbox: bool,
    ) -> None:
        self._health = due_messages.health
        self._connection = connection
        self._now = now
        self._routes = due_messages.routes.of(connection, account_id, now, sandbox)
        self._down = self._health.down(connection, now)
        self.probe_at: Instant | None = None
        self.down_carrier: str | None = None
        self._choices: dict[tuple[str, str | None, int], Choice] = {}

    def choose(self, row: DueMessage) -> Choice | None:
        """Return the carrier of a message; None while all of its route are down and unprobed."""
        alike = (row.sender, row.via, row.tries)
        choice = self._choices.get(alike)
        if choice is not None:
            return choice
        route = self._routes.get(row.sender) or self._routes[None]
        if row.via in route:
            route = (row.via,)
        choice = choose(route, row.tries, self._down)
        if choice is not None:
            self._choices[alike] = choice
            return choice
        for carrier in route:
            if self._down[carrier] <= self._now:
                probe_at = self._now + PROBE_EVERY
                self._down = {**self._down, carrier: probe_at}
                if self._health.probe(self._connection, carrier, self._now):
                    return Choice(carrier, row.tries // len(route) + 1, more=False)
        self.down_carrier = route[0]
        soonest = min(self._down[carrier] for carrier in route)
        self.probe_at = soonest if self.probe_at is None else min(self.probe_at, soonest)
        return None
