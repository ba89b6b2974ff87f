"""What the routes of listeners read and write."""

from pydantic import Field

from campaign.events import NATIVE, SUBSCRIBABLE
from dialects.http.api_model import ApiModel, At
from dialects.native.fields import RequestModel
from webhooks.listening import CALLS_MAX

WAIT_SECONDS_MAX = 5.0
TRIES_MAX = 1_000


class ListenerBody(RequestModel):
    """A listener: which events a client wants to fetch."""

    events: list[str] = Field(
        default_factory=lambda: ["*"], min_length=1, max_length=len(SUBSCRIBABLE)
    )
    dialect: str = Field(NATIVE, description="the API whose format the events have")


class Listener(ApiModel):
    """A listener that is open until ``expiresAt``; each request for deliveries extends it."""

    id: str
    secret: str = Field(description="signs the deliveries; the same for all listeners of a key")
    events: list[str]
    dialect: str
    expires_at: At


class ForwardedReport(RequestModel):
    """The answer to a delivery that the client forwarded."""

    id: str = Field(max_length=100)
    tries: int = Field(ge=1, le=TRIES_MAX, description="as in the delivery")
    status: int | None = Field(
        default=None, ge=100, le=599, description="HTTP status; absent without an answer"
    )


class FetchBody(RequestModel):
    """Reports of earlier deliveries, and how long to wait for further ones."""

    reports: list[ForwardedReport] = Field(default_factory=list, max_length=CALLS_MAX)
    wait_seconds: float = Field(default=0.0, ge=0, le=WAIT_SECONDS_MAX)


class ListenerDelivery(ApiModel):
    """A signed event; forward ``body`` byte for byte under these headers."""

    id: str
    event: str
    tries: int = Field(description="how often it was fetched, this time included")
    campaign_id: str | None
    headers: dict[str, str]
    body: str


class ListenerDeliveries(ApiModel):
    """Deliveries that are due, those of one message one after the other."""

    deliveries: list[ListenerDelivery]
    expires_at: At
