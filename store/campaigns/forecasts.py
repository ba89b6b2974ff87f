"""What a forecast of a campaign is made from: what waits, and the rates that hold it back."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from campaign.forecast import Departure, Limits, limits_of
from campaign.instants import Instant
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
_SPAN = text(f"""
    SELECT min(due_at) AS first_due, max(due_at) AS last_due FROM message WHERE {_WAITING}
""")
_PARTS = text(f"""
    SELECT sender, min(due_at) AS due_at, max(due_at) AS until, count(*) AS messages,
      sum(segments) AS segments
    FROM message WHERE {_WAITING}
    GROUP BY sender, (due_at - CAST(:first_due AS BIGINT)) / CAST(:width AS BIGINT)
""")


class Forecasts:
    """Reads what waits of a campaign, and the rates that apply to it."""

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
        account_id: str,
        senders: Mapping[str, int],
        now: Instant,
        campaign_id: str | None = None,
    ) -> Limits:
        """The rates of senders, of the carriers that come first for them, and of a campaign."""
        routes = self._routes.of(connection, account_id, now)
        return limits_of(account_id, senders, routes, self._rates.all(connection), campaign_id)

    def departures(
        self, account_id: str, campaign_id: str, now: Instant
    ) -> tuple[Sequence[Departure], Mapping[str, float]]:
        """What waits of a campaign, in at most ``PARTS`` parts for each sender, and its rates."""

        def read(connection: Connection) -> tuple[Sequence[Departure], Mapping[str, float]]:
            values = {"campaign": campaign_id}
            span = connection.execute(_SPAN, values).one()
            if span.first_due is None:
                return [], {}
            width = (span.last_due - span.first_due) // PARTS + 1
            parts = {**values, "first_due": span.first_due, "width": width}
            rows = connection.execute(_PARTS, parts).all()
            senders = {row.sender: int(row.segments) for row in rows}
            limits = self.limits(connection, account_id, senders, now, campaign_id)
            departures = [
                Departure(
                    row.due_at, int(row.segments), limits.names[row.sender], row.messages, row.until
                )
                for row in rows
            ]
            return departures, limits.rates

        return self._database.read(read)
