"""When the unsent messages of campaigns will have left, by their plan and the rates."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from campaign.forecast import Departure, Forecast, forecast
from campaign.instants import SECOND, Instant
from campaign.rates import campaign_scope, carrier_scope, sender_scope
from campaign.views import CampaignView
from store.sending.routes import Routes
from store.shared.rates import Rates

# Messages that are due within one part of what is left of a plan are forecast together.
PARTS = 200
_LAST_DUE = text("""
    SELECT id,
        (SELECT max(due_at) FROM message
            WHERE campaign_id = campaign.id AND status = 'queued') AS queued,
        (SELECT max(due_at) FROM message
            WHERE campaign_id = campaign.id AND status = 'retryable') AS retryable
    FROM campaign WHERE id IN :campaigns
""").bindparams(bindparam("campaigns", expanding=True))
_UNSENT = text("""
    SELECT sender, min(due_at) AS first_due, max(due_at) AS last_due, sum(segments) AS segments
    FROM message
    WHERE campaign_id = :campaign AND status IN ('queued', 'retryable') AND due_at <= :until
    GROUP BY sender, CASE WHEN due_at <= :now THEN 0 ELSE 1 + (due_at - :now) / :width END
""")


class PlannedEnds:
    """Forecasts the end of campaigns as dry runs do, from what is unsent now."""

    def __init__(self, rates: Rates, routes: Routes) -> None:
        self._rates = rates
        self._routes = routes

    def of(
        self, connection: Connection, campaigns: Sequence[Row[Any]], now: Instant
    ) -> Mapping[str, Instant]:
        """Return by id when the last unsent message of a campaign will leave, in seconds if late.

        A campaign without unsent messages has no entry. Costs two look-ups in an index for each
        campaign, and one pass over the unsent messages of those that a rate may hold back.
        """
        if not campaigns:
            return {}
        now -= now % SECOND
        values = {"campaigns": [campaign.id for campaign in campaigns]}
        last_due: dict[str, Instant] = {}
        for row in connection.execute(_LAST_DUE, values):
            dues = [due for due in (row.queued, row.retryable) if due is not None]
            if dues:
                last_due[row.id] = max(now, *dues)
        rates = self._rates.rates_in(connection) if last_due else {}
        for campaign in campaigns:
            if campaign.id in last_due:
                until = last_due[campaign.id]
                found = self._forecast(connection, campaign, now, until, rates)
                if found is not None:
                    last_due[campaign.id] = found.last_at
        return last_due

    def forecast(
        self,
        connection: Connection,
        campaign: CampaignView,
        now: Instant,
        until: Instant,
    ) -> Forecast | None:
        """Forecast the departure of what is unsent and due at ``until`` or before.

        None if no rate applies, so that each message leaves when it is due, or nothing is unsent.
        """
        return self._forecast(connection, campaign, now, until, self._rates.rates_in(connection))

    def _forecast(
        self,
        connection: Connection,
        campaign: Row[Any] | CampaignView,
        now: Instant,
        until: Instant,
        rates: Mapping[str, float],
    ) -> Forecast | None:
        if not rates:
            return None
        routes = self._routes.of(connection, campaign.account_id, now, bool(campaign.sandbox))
        prefix = sender_scope(campaign.account_id, "")
        possible = {campaign_scope(campaign.id)} | {carrier_scope(r[0]) for r in routes.values()}
        if not any(scope in possible or scope.startswith(prefix) for scope in rates):
            return None
        values = {
            "campaign": campaign.id,
            "until": until,
            "now": now,
            "width": max(SECOND, (until - now) // PARTS),
        }
        departures: list[Departure] = []
        # The names by which a forecast says what limits it.
        named = {"its campaign": rates.get(campaign_scope(campaign.id))}
        for row in connection.execute(_UNSENT, values):
            carrier = (routes.get(row.sender) or routes[None])[0]
            sender_name, carrier_name = f"sender {row.sender}", f"carrier {carrier}"
            named[sender_name] = rates.get(sender_scope(campaign.account_id, row.sender))
            named[carrier_name] = rates.get(carrier_scope(carrier))
            departures += _departures(row, ("its campaign", sender_name, carrier_name))
        limits = {name: rate for name, rate in named.items() if rate is not None}
        return forecast(departures, limits, now)


def _departures(row: Row[Any], scopes: tuple[str, ...]) -> list[Departure]:
    """The messages of a part as two: the last segment, and all those before it."""
    last = Departure(row.last_due, 1, scopes)
    if row.segments == 1:
        return [last]
    return [Departure(row.first_due, row.segments - 1, scopes), last]
