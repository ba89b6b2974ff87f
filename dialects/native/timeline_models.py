"""The answers about how a campaign went over time."""

from pydantic import Field

from dialects.http.api_model import ApiModel, At


class TimelinePoint(ApiModel):
    """The messages of a campaign from one time until that of the next point."""

    at: At
    planned: int = Field(description="due, by the plan as it is now")
    sent: int = Field(description="handed to a carrier")
    delivered: int
    failed: int = Field(description="failed, or undelivered as the carrier reported")
