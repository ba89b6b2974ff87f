"""All routes of the native API, below ``/v1``, in one router."""

from fastapi import APIRouter

from dialects.dialect import Dialect
from dialects.http.answers import schema_of
from dialects.http.context import ApiContext
from dialects.native import (
    account_routes,
    activity_routes,
    brake_routes,
    campaign_events,
    campaign_routes,
    delivery_routes,
    inbound_routes,
    keyword_routes,
    link_routes,
    list_routes,
    listener_routes,
    message_routes,
    message_search_routes,
    people_routes,
    retry_routes,
    test_send_routes,
    timeline_routes,
    webhook_routes,
)
from dialects.native.campaign_routes import show_error
from dialects.native.requests import NAME, CampaignBody, read

GROUPS = (
    retry_routes,
    account_routes,
    activity_routes,
    brake_routes,
    keyword_routes,
    message_routes,
    message_search_routes,
    timeline_routes,
    campaign_events,
    inbound_routes,
    people_routes,
    test_send_routes,
    list_routes,
    link_routes,
    webhook_routes,
    delivery_routes,
    listener_routes,
)


def routes(context: ApiContext) -> APIRouter:
    """The routes of this API."""
    router = campaign_routes.routes(context, read, schema_of(CampaignBody))
    for group in GROUPS:
        router.routes.extend(group.routes(context).routes)
    return router


DIALECT = Dialect(
    NAME,
    "/v1",
    routes,
    show_error,
    tags={
        "Campaigns": "Create campaigns, control them, and read their messages and reports",
        "Messages": "Messages of all campaigns: a search, and why one is in its state",
        "Mailing lists": "Stored recipients with their fields",
        "Inbound messages": "Texts that people sent to the numbers of the account",
        "Webhooks": "Addresses that events are delivered to",
        "People": "What the account knows of a number, and its erasure",
        "Account": "Credits, senders, keys, opt-outs, keywords, and the emergency brake",
        "Short links": "The public redirects of short links",
    },
)
