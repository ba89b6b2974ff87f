"""The request to retry a campaign, and its answer."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError

from campaign.refusals import Refused
from campaign.retry import RetrySelection
from campaign.views import CampaignView
from dialects.native.campaign_models import Campaign
from dialects.native.fields import RequestModel, faults_of

SELECTED_MAX = 100
Reason = Annotated[str, StringConstraints(pattern="^[a-z0-9_]{1,40}$")]


class RetryBody(RequestModel):
    """Which failed messages are sent again, and how; without members all that may be."""

    reasons: list[Reason] | None = Field(
        None,
        min_length=1,
        max_length=SELECTED_MAX,
        description="those that failed for one of these reasons; default: every temporary one",
        examples=[["unavailable", "rate_limited"]],
    )
    countries: list[str] | None = Field(
        None,
        min_length=1,
        max_length=SELECTED_MAX,
        description="those to one of these countries, as ISO 3166 codes, or ZZ where the country "
        "is not known; default: all",
        examples=[["GB"]],
    )
    carrier: str | None = Field(
        None,
        description="the only carrier that they are sent through; it must be on the route of their "
        "senders",
    )
    text: str | None = Field(
        None,
        description="their new text, with tags for their fields; validated and priced as that of a "
        "new campaign",
    )


class RetriedCampaign(Campaign):
    """A campaign, and how many of its messages a request to retry queued again."""

    retried: int = Field(description="0 if an earlier retry is still under way")

    @classmethod
    def after(cls, view: CampaignView, retried: int) -> "RetriedCampaign":
        """The model of a campaign after a retry of so many messages."""
        return cls.model_construct(**dict(Campaign.of(view)), retried=retried)


def read_retry(body: Any) -> RetrySelection:
    """Read what a body wants retried; raises Refused with every fault and its place."""
    try:
        parsed = RetryBody.model_validate(body)
    except ValidationError as error:
        raise Refused(*faults_of(error)) from None
    return RetrySelection(
        reasons=tuple(parsed.reasons or ()),
        countries=tuple(parsed.countries or ()),
        carrier=parsed.carrier,
        text=parsed.text,
    )
