"""The answers about webhooks."""

from collections.abc import Sequence

from pydantic import Field

from dialects.http.api_model import ApiModel, At, Next


class Webhook(ApiModel):
    """A webhook without its secret."""

    id: str
    url: str
    events: Sequence[str] = Field(description="names, or patterns such as message.*")
    dialect: str = Field(description="the API whose format the callbacks have")
    created_at: At
    disabled_at: At | None = Field(description="set once the receiver has answered 410 Gone")


class AddedWebhook(Webhook):
    """A webhook with its signing secret, which is shown once."""

    secret: str


class WebhookList(ApiModel):
    """All webhooks of the account, oldest first."""

    webhooks: list[Webhook]


class RotatedSecret(ApiModel):
    """The new secret of a webhook, which is shown once."""

    id: str
    secret: str
    previous_valid_until: At


class Replayed(ApiModel):
    """How many deliveries are repeated."""

    replayed: int


class DeadLetter(ApiModel):
    """A delivery that ran out of retries, expired, or whose webhook was disabled."""

    id: str
    event: str
    timestamp: At = Field(validation_alias="at")
    campaign_id: str | None
    message_id: str | None
    tries: int
    last_code: str | None
    created_at: At
    last_due_at: At


class DeadLetterPage(ApiModel):
    """A page of dead letters, latest first."""

    dead_letters: list[DeadLetter]
    next: Next
