"""Why a message is in its state, by what the store knows now."""

from sqlalchemy import Connection

from campaign.explaining import Outlook, Why, explain
from campaign.instants import SECOND, Instant
from campaign.states import WAITING
from campaign.views import CampaignView, MessageView
from store.store import Store


def why(store: Store, campaign: CampaignView, message: MessageView, now: Instant) -> Why:
    """Explain the state of a message of the campaign, and when it is expected to leave."""
    outlook = None
    if message.status in WAITING:
        outlook = store.database.read(
            lambda connection: _outlook(connection, store, campaign, message, now)
        )
    return explain(campaign, message, outlook, now)


def _outlook(
    connection: Connection,
    store: Store,
    campaign: CampaignView,
    message: MessageView,
    now: Instant,
) -> Outlook:
    routes = store.routes.of(connection, campaign.account_id, now, campaign.sandbox)
    route = routes.get(message.sender) or routes[None]
    down = store.health.down(connection, now)
    due_at = max(now, message.due_at)
    before = store.forecasts.forecast(connection, campaign, now, message.due_at)
    expected_at = due_at if before is None else max(due_at, before.last_at)
    is_late = before is not None and before.limits and expected_at >= due_at + SECOND
    return Outlook(
        expected_at,
        limited_by=before.limits[0].what if before is not None and is_late else None,
        down=", ".join(route) if all(carrier in down for carrier in route) else None,
    )
