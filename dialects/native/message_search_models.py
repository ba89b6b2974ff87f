"""The answers about messages wherever they are, and the story of one."""

from typing import Self

from pydantic import Field

from campaign.explaining import Why as WhyRecord
from campaign.instants import iso_or_none
from campaign.states import MessageStatus
from campaign.views import MessageStory as StoryRecord
from campaign.views import MessageView
from dialects.http.api_model import ApiModel, At, Next
from dialects.native.campaign_models import Cause, Message
from dialects.native.responses import message_members


class FoundMessage(Message):
    """A message, and its campaign."""

    campaign_id: str

    @classmethod
    def found(cls, campaign_id: str, view: MessageView) -> Self:
        """The model of a message of a campaign."""
        return cls(campaign_id=campaign_id, **message_members(view))


class FoundMessagePage(ApiModel):
    """A page of messages, those of the newest campaigns first."""

    messages: list[FoundMessage]
    next: Next


class Attempt(ApiModel):
    """One try to send a message."""

    number: int = Field(description="from 1")
    started_at: At
    ended_at: At | None = Field(description="null while it runs, or if its worker died")
    outcome: str | None = Field(description="the status that it led to")
    code: str | None = Field(description="why, in the words of docs/states.md or of the carrier")
    carrier: str | None
    text: str = Field(description="what was sent; a retry may have another text")


class Why(ApiModel):
    """Why a message is in its state."""

    state: MessageStatus
    because: list[Cause] = Field(description="what happened, then what it waits for")
    expected_at: At | None = Field(
        description="when it leaves if nothing else happens; null where nobody can tell"
    )


class MessageStory(FoundMessage):
    """A message with its attempts, the holder of its idempotency key, and why it is in its state.

    ``attempts`` is their number.
    """

    attempt_log: list[Attempt] = Field(description="the attempts, oldest first")
    key_holder: str | None = Field(description="the message that holds its idempotency key now")
    key_free_at: At | None = Field(description="when that key is free again, once it was sent")
    why: Why

    @classmethod
    def explained(cls, story: StoryRecord, why: WhyRecord) -> Self:
        """The model of a story and its explanation."""
        return cls(
            **message_members(story.message),
            campaign_id=story.campaign_id,
            attempt_log=[Attempt.of(attempt) for attempt in story.attempts],
            key_holder=story.key_holder,
            key_free_at=iso_or_none(story.key_free_at),
            why=Why.of(why),
        )
