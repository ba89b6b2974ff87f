"""All routes of the native API, below ``/v1``, in one router."""

from fastapi import APIRouter

from dialects.dialect import Dialect
from dialects.http.context import ApiContext
from dialects.native import (
    account_routes,
    activity_routes,
    brake_routes,
    campaign_routes,
    inbound_routes,
    keyword_routes,
    link_routes,
    list_routes,
    message_routes,
    people_routes,
    test_send_routes,
    webhook_routes,
)
from dialects.native.campaign_routes import show_error
from dialects.native.requests import NAME, CampaignBody, read

GROUPS = (
    account_routes,
    activity_routes,
    brake_routes,
    keyword_routes,
    message_routes,
    inbound_routes,
    people_routes,
    test_send_routes,
    list_routes,
    link_routes,
    webhook_routes,
)


def routes(context: ApiContext) -> APIRouter:
    """The routes of this API."""
    router = APIRouter()
    router.include_router(campaign_routes.routes(context, read, CampaignBody.model_json_schema()))
    for group in GROUPS:
        router.include_router(group.routes(context))
    return router


DIALECT = Dialect(NAME, "/v1", routes, show_error)
