"""What the routes of one API process work with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import Request

from campaign.settings import Settings
from dialects.http.rate_limits import RequestLimiter
from service.campaign_watches import CampaignWatches
from service.campaigns import CampaignService
from store.store import Store
from webhooks.rendering import EventRenderer


@dataclass(frozen=True, slots=True)
class ApiContext:
    """The settings and open resources of one API process.

    ``event_dialects`` are the dialects that a webhook may choose as its format, with their
    renderers.
    """

    settings: Settings
    store: Store
    service: CampaignService
    limiter: RequestLimiter
    event_dialects: Mapping[str, EventRenderer] = field(default_factory=dict)
    watches: CampaignWatches = field(default_factory=CampaignWatches)


def context_of(request: Request) -> ApiContext:
    """What the application that serves a request works with."""
    context: ApiContext = request.app.state.context
    return context
