"""Forecasts of campaigns by what waits in the store, and by the rates that hold it back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from campaign.forecast import Departure, Forecast, Limits, Simulation, limits_of, simulate
from campaign.instants import INSTANT_MAX, SECOND, Instant
from campaign.people import ERASED
from campaign.rates import campaign_scope, carrier_scope, sender_scope
from campaign.sending_windows import stored_hours
from campaign.views import CampaignView
from store.campaigns.outlooks import outlook
from store.database.engine import Database
from store.shared.rates import Rates
from store.shared.routes import Routes

# Of a plan, so many parts are told apart for each sender; a short campaign's messages all are.
PARTS = 500

_WAITING = "campaign_id = :campaign AND status IN ('queued', 'retryable')"
_SPREAD_SEGMENTS = text(f"""
    SELECT sender, sum(segments) AS segments FROM message
    WHERE {_WAITING} AND scheduled_at IS NULL
    GROUP BY sender
""")
# What is due at the expiry or later does not leave.
_LAST_DUE = text(f"""
    SELECT id, expires_at,
        (SELECT max(due_at) FROM message
            WHERE campaign_id = campaign.id AND status = 'queued'
                AND due_at < COALESCE(campaign.expires_at, {INSTANT_MAX + 1}) - :delay) AS queued,
        (SELECT max(due_at) FROM message
            WHERE campaign_id = campaign.id AND status = 'retryable'
                AND due_at < COALESCE(campaign.expires_at, {INSTANT_MAX + 1}) - :delay
        ) AS retryable
    FROM campaign WHERE id IN :campaigns
""").bindparams(bindparam("campaigns", expanding=True))
_SPAN = text(f"""
    SELECT min(due_at) AS first_due, max(due_at) AS last_due,
      (SELECT purpose FROM campaign WHERE id = :campaign) AS purpose,
      (SELECT sending_window FROM campaign WHERE id = :campaign) AS sending_window,
      (SELECT expires_at FROM campaign WHERE id = :campaign) AS expires_at
    FROM message WHERE {_WAITING} AND due_at <= :until
""")
# Where the recipient's time counts, numbers with the same first digits share their hours.
_AREA_DIGITS = 5
_PARTS, _LOCAL_PARTS = (
    text(f"""
    SELECT sender, carrier AS via, min(due_at) AS due_at, max(due_at) AS until,
      count(*) AS messages, sum(segments) AS segments, min(recipient) AS recipient,
      min(country) AS country, min(time_zone) AS time_zone
    FROM message WHERE {_WAITING} AND due_at <= :until
    GROUP BY sender, carrier, (due_at - CAST(:first_due AS BIGINT)) / CAST(:width AS BIGINT){place}
""")
    for place in ("", f", time_zone, country, substr(recipient, 1, {_AREA_DIGITS})")
)


@dataclass(frozen=True, slots=True)
class Prospect:
    """What will become of the unsent messages of a campaign.

    ``end`` is when the last of them leaves, None if none does. ``waiting`` is their number, and
    ``expired`` the number of those that do not leave before the campaign expires.
    """

    end: Instant | None
    waiting: int
    expired: int


class Forecasts:
    """Reads what waits of campaigns and the rates that apply, and forecasts when it leaves."""

    def __init__(self, database: Database, rates: Rates, routes: Routes) -> None:
        self._database = database
        self._rates = rates
        self._routes = routes

    def spread_segments(self, connection: Connection, campaign_id: str) -> Mapping[str, int]:
        """The segments, by sender, that the spread of a campaign still has to place."""
        found = connection.execute(_SPREAD_SEGMENTS, {"campaign": campaign_id})
        return {row.sender: int(row.segments) for row in found}

    def limits(
        self,
        connection: Connection,
        campaign: Row[Any] | CampaignView,
        senders: Collection[str],
        now: Instant,
        rates: Mapping[str, float] | None = None,
        via: str | None = None,
    ) -> Limits:
        """The rates of senders, of the carriers that come first for them, and of a campaign.

        ``rates`` are those of the store unless given. ``via`` is the carrier of all of them if a
        retry chose one. Of a row, ``id``, ``account_id`` and ``sandbox`` are read.
        """
        if rates is None:
            rates = self._rates.rates_in(connection)
        account_id, sandbox = campaign.account_id, bool(campaign.sandbox)
        routes = self._routes.of(connection, account_id, now, sandbox)
        return limits_of(account_id, senders, routes, rates, campaign.id, sandbox, via)

    def ends(
        self,
        connection: Connection,
        campaigns: Sequence[Row[Any] | CampaignView],
        now: Instant,
        rates: Mapping[str, float] | None = None,
    ) -> Mapping[str, Instant]:
        """Return by id when the last message of a campaign will leave, in seconds if late.

        Of a paused campaign, when it would if it were resumed now. A campaign of which nothing
        will leave has no entry. ``rates`` are those of the store unless given. Costs two look-ups
        in an index for each campaign, and one pass over the unsent messages of those that a rate
        may hold back.
        """
        found = self._found(connection, campaigns, now - now % SECOND, rates)
        return {id: end for id, (end, _) in found.items() if end is not None}

    def prospect(
        self,
        connection: Connection,
        campaign: Row[Any] | CampaignView,
        now: Instant,
        rates: Mapping[str, float] | None = None,
    ) -> Prospect:
        """What will become of the unsent messages of a campaign; see ``ends``.

        Where a rate holds messages back, what expires is counted to one part of the plan for each
        sender.
        """
        now -= now % SECOND
        found = self._found(connection, [campaign], now, rates)
        end, simulation = found.get(campaign.id, (None, None))
        counts = outlook(connection, campaign.id, self._delay(connection, campaign, now))
        expired = counts.late if simulation is None else simulation.expired
        return Prospect(end, counts.waiting, expired)

    def _found(
        self,
        connection: Connection,
        campaigns: Sequence[Row[Any] | CampaignView],
        now: Instant,
        rates: Mapping[str, float] | None,
    ) -> Mapping[str, tuple[Instant | None, Simulation | None]]:
        """By id: when the last message leaves, and the simulation if a rate may hold some back.

        A campaign of which nothing is due before it expires has no entry.
        """
        last_due: dict[str, Instant] = {}
        delays = {each.id: self._delay(connection, each, now) for each in campaigns}
        for delay in set(delays.values()):
            values = {"campaigns": [id for id in delays if delays[id] == delay], "delay": delay}
            for row in connection.execute(_LAST_DUE, values):
                dues = [due for due in (row.queued, row.retryable) if due is not None]
                if dues and (row.expires_at is None or now < row.expires_at):
                    last_due[row.id] = max(dues) + delay
        if rates is None:
            rates = self._rates.rates_in(connection) if last_due else {}
        found: dict[str, tuple[Instant | None, Simulation | None]] = {}
        for campaign in campaigns:
            if campaign.id in last_due:
                delay, end = delays[campaign.id], max(now, last_due[campaign.id])
                simulation = self._simulated(connection, campaign, now, INSTANT_MAX, rates, delay)
                if simulation is None:
                    found[campaign.id] = end, None
                else:
                    leaves = simulation.forecast
                    found[campaign.id] = None if leaves is None else leaves.last_at, simulation
        return found

    def forecast(
        self,
        connection: Connection,
        campaign: Row[Any] | CampaignView,
        now: Instant,
        until: Instant,
    ) -> Forecast | None:
        """Forecast the departure of what is unsent and due at ``until`` or before.

        None if no rate applies, so that each message leaves when it is due, or nothing will leave.
        """
        rates = self._rates.rates_in(connection)
        found = self._simulated(connection, campaign, now, until, rates)
        return None if found is None else found.forecast

    def _simulated(
        self,
        connection: Connection,
        campaign: Row[Any] | CampaignView,
        now: Instant,
        until: Instant,
        rates: Mapping[str, float],
        delay: Instant = 0,
    ) -> Simulation | None:
        """What becomes of the same, if all of it is due later by ``delay``; None without a rate."""
        if not self._may_limit(connection, campaign, now, rates):
            return None
        departures, limits, expires_at = self.departures(connection, campaign, now, until, rates)
        delayed = (
            replace(each, due_at=each.due_at + delay, until=each.until + delay)
            for each in departures
        )
        return simulate(delayed if delay else departures, limits, now, expires_at)

    def departures(
        self,
        connection: Connection,
        campaign: Row[Any] | CampaignView,
        now: Instant,
        until: Instant = INSTANT_MAX,
        rates: Mapping[str, float] | None = None,
    ) -> tuple[Sequence[Departure], Mapping[str, float], Instant | None]:
        """What waits of a campaign, in at most ``PARTS`` parts for each sender and carrier.

        With its rates, and when it expires. Messages that are due after ``until`` are left out.
        Where the recipient's hours count, there are so many parts for each area.
        """
        values = {"campaign": campaign.id, "until": until}
        span = connection.execute(_SPAN, values).one()
        if span.first_due is None:
            return [], {}, None
        width = (span.last_due - span.first_due) // PARTS + 1
        parts = {**values, "first_due": span.first_due, "width": width}
        hours = stored_hours(span.purpose, span.sending_window)
        is_local = hours is not None and hours.is_local
        rows = connection.execute(_LOCAL_PARTS if is_local else _PARTS, parts).all()
        limits = {}
        for via in {row.via for row in rows}:
            senders = {row.sender for row in rows if row.via == via}
            limits[via] = self.limits(connection, campaign, senders, now, rates, via)
        known = {name: rate for each in limits.values() for name, rate in each.rates.items()}
        departures = [
            Departure(
                row.due_at,
                int(row.segments),
                limits[row.via].names[row.sender],
                row.messages,
                row.until,
                None
                if hours is None or row.recipient == ERASED
                else hours.for_recipient(row.recipient, row.country, row.time_zone),
                hours is not None and hours.skips,
            )
            for row in rows
        ]
        return departures, known, span.expires_at

    def _delay(
        self, connection: Connection, campaign: Row[Any] | CampaignView, now: Instant
    ) -> Instant:
        """How much later a paused campaign's messages are due if it is resumed now; otherwise 0.

        A pause makes up for the time from the first due instant, if nothing was due before it.
        """
        if campaign.paused_at is None:
            return 0
        lost_from = campaign.paused_at
        if campaign.started_at is None:
            values = {"campaign": campaign.id, "until": INSTANT_MAX}
            first_due = connection.execute(_SPAN, values).one().first_due
            lost_from = lost_from if first_due is None else max(lost_from, first_due)
        return max(0, now - lost_from)

    def _may_limit(
        self,
        connection: Connection,
        campaign: Row[Any] | CampaignView,
        now: Instant,
        rates: Mapping[str, float],
    ) -> bool:
        """Tell whether a rate may apply to a campaign; costs no pass over its messages."""
        if not rates:
            return False
        routes = self._routes.of(connection, campaign.account_id, now, bool(campaign.sandbox))
        possible = {carrier_scope(carrier) for route in routes.values() for carrier in route}
        prefix = sender_scope(campaign.account_id, "")
        possible.add(campaign_scope(campaign.id))
        return any(scope in possible or scope.startswith(prefix) for scope in rates)
