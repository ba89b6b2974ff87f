"""Forecasts of campaigns by what waits in the store, and by the rates that hold it back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from campaign.forecast import Departure, Forecast, Limits, forecast, limits_of
from campaign.instants import INSTANT_MAX, SECOND, Instant
from campaign.people import ERASED
from campaign.rates import campaign_scope, carrier_scope, sender_scope
from campaign.sending_windows import stored_hours
from campaign.views import CampaignView
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
_LAST_DUE = text("""
    SELECT id,
        (SELECT max(due_at) FROM message
            WHERE campaign_id = campaign.id AND status = 'queued') AS queued,
        (SELECT max(due_at) FROM message
            WHERE campaign_id = campaign.id AND status = 'retryable') AS retryable
    FROM campaign WHERE id IN :campaigns
""").bindparams(bindparam("campaigns", expanding=True))
_SPAN = text(f"""
    SELECT min(due_at) AS first_due, max(due_at) AS last_due,
      (SELECT purpose FROM campaign WHERE id = :campaign) AS purpose,
      (SELECT sending_window FROM campaign WHERE id = :campaign) AS sending_window
    FROM message WHERE {_WAITING} AND due_at <= :until
""")
# Where the recipient's time counts, numbers with the same first digits share their hours.
_AREA_DIGITS = 5
_PARTS, _LOCAL_PARTS = (
    text(f"""
    SELECT sender, min(due_at) AS due_at, max(due_at) AS until, count(*) AS messages,
      sum(segments) AS segments, min(recipient) AS recipient, min(country) AS country,
      min(time_zone) AS time_zone
    FROM message WHERE {_WAITING} AND due_at <= :until
    GROUP BY sender, (due_at - CAST(:first_due AS BIGINT)) / CAST(:width AS BIGINT){place}
""")
    for place in ("", f", time_zone, country, substr(recipient, 1, {_AREA_DIGITS})")
)


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
        senders: Mapping[str, int],
        now: Instant,
        rates: Mapping[str, float] | None = None,
    ) -> Limits:
        """The rates of senders, of the carriers that come first for them, and of a campaign.

        ``rates`` are those of the store unless given. Of a row, ``id``, ``account_id`` and
        ``sandbox`` are read.
        """
        if rates is None:
            rates = self._rates.rates_in(connection)
        account_id, sandbox = campaign.account_id, bool(campaign.sandbox)
        routes = self._routes.of(connection, account_id, now, sandbox)
        return limits_of(account_id, senders, routes, rates, campaign.id, sandbox)

    def ends(
        self,
        connection: Connection,
        campaigns: Sequence[Row[Any] | CampaignView],
        now: Instant,
        rates: Mapping[str, float] | None = None,
    ) -> Mapping[str, Instant]:
        """Return by id when the last unsent message of a campaign will leave, in seconds if late.

        Of a paused campaign, when it would if it were resumed now. A campaign without unsent
        messages has no entry. ``rates`` are those of the store unless given. Costs two look-ups in
        an index for each campaign, and one pass over the unsent messages of those that a rate may
        hold back.
        """
        if not campaigns:
            return {}
        now -= now % SECOND
        last_due: dict[str, Instant] = {}
        for row in connection.execute(_LAST_DUE, {"campaigns": [each.id for each in campaigns]}):
            dues = [due for due in (row.queued, row.retryable) if due is not None]
            if dues:
                last_due[row.id] = max(dues)
        if rates is None:
            rates = self._rates.rates_in(connection) if last_due else {}
        ends = {}
        for campaign in campaigns:
            if campaign.id in last_due:
                delay = self._delay(connection, campaign, now)
                found = self.forecast(connection, campaign, now, INSTANT_MAX, rates, delay)
                due_at = max(now, last_due[campaign.id] + delay)
                ends[campaign.id] = due_at if found is None else found.last_at
        return ends

    def forecast(
        self,
        connection: Connection,
        campaign: Row[Any] | CampaignView,
        now: Instant,
        until: Instant,
        rates: Mapping[str, float] | None = None,
        delay: Instant = 0,
    ) -> Forecast | None:
        """Forecast the departure of what is unsent and due at ``until`` or before.

        All of it is due later by ``delay``. None if no rate applies, so that each message leaves
        when it is due, or nothing is unsent.
        """
        if rates is None:
            rates = self._rates.rates_in(connection)
        if not self._may_limit(connection, campaign, now, rates):
            return None
        departures, limits = self.departures(connection, campaign, now, until, rates)
        delayed = (
            replace(each, due_at=each.due_at + delay, until=each.until + delay)
            for each in departures
        )
        return forecast(delayed if delay else departures, limits, now)

    def departures(
        self,
        connection: Connection,
        campaign: Row[Any] | CampaignView,
        now: Instant,
        until: Instant = INSTANT_MAX,
        rates: Mapping[str, float] | None = None,
    ) -> tuple[Sequence[Departure], Mapping[str, float]]:
        """What waits of a campaign, in at most ``PARTS`` parts for each sender, and its rates.

        Messages that are due after ``until`` are left out. Where the recipient's hours count,
        there are so many parts for each area.
        """
        values = {"campaign": campaign.id, "until": until}
        span = connection.execute(_SPAN, values).one()
        if span.first_due is None:
            return [], {}
        width = (span.last_due - span.first_due) // PARTS + 1
        parts = {**values, "first_due": span.first_due, "width": width}
        hours = stored_hours(span.purpose, span.sending_window)
        is_local = hours is not None and hours.is_local
        rows = connection.execute(_LOCAL_PARTS if is_local else _PARTS, parts).all()
        senders = {row.sender: int(row.segments) for row in rows}
        limits = self.limits(connection, campaign, senders, now, rates)
        departures = [
            Departure(
                row.due_at,
                int(row.segments),
                limits.names[row.sender],
                row.messages,
                row.until,
                None
                if hours is None or row.recipient == ERASED
                else hours.for_recipient(row.recipient, row.country, row.time_zone),
                hours is not None and hours.skips,
            )
            for row in rows
        ]
        return departures, limits.rates

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
            lost_from = max(lost_from, connection.execute(_SPAN, values).one().first_due)
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
        possible = {campaign_scope(campaign.id)} | {carrier_scope(r[0]) for r in routes.values()}
        prefix = sender_scope(campaign.account_id, "")
        return any(scope in possible or scope.startswith(prefix) for scope in rates)
