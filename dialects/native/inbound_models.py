"""The answers about inbound texts."""

from pydantic import Field

from dialects.http.api_model import ApiModel, At, Next


class InboundMessage(ApiModel):
    """A text that a person sent to a number of the account."""

    id: str
    from_: str = Field(validation_alias="writer", serialization_alias="from")
    to: str = Field(validation_alias="number")
    text: str = Field(validation_alias="body")
    media_urls: tuple[str, ...]
    received_at: At
    carrier: str | None
    campaign_id: str | None = Field(description="the campaign that it answers")
    message_id: str | None = Field(description="the message that it answers")
    needs_review: bool = Field(description="a person has to decide whether it asks for something")


class InboundMessagePage(ApiModel):
    """A page of inbound texts, newest first."""

    inbound_messages: list[InboundMessage]
    next: Next
