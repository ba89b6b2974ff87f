"""All that is known of one message, as JSON."""

from typing import Any

from campaign.explaining import Why
from campaign.instants import iso, iso_or_none
from campaign.views import MessageStory
from dialects.native.responses import message_json


def story_json(story: MessageStory, why: Why) -> dict[str, Any]:
    """Everything that is known of a message."""
    return {
        "campaignId": story.campaign_id,
        **message_json(story.message),
        "attemptLog": [
            {
                "number": attempt.number,
                "startedAt": iso(attempt.started_at),
                "endedAt": iso_or_none(attempt.ended_at),
                "outcome": attempt.outcome,
                "code": attempt.code,
                "carrier": attempt.carrier,
            }
            for attempt in story.attempts
        ],
        "keyHolder": story.key_holder,
        "keyFreeAt": iso_or_none(story.key_free_at),
        "why": {
            "state": why.state.value,
            "because": [{"code": cause.code, "detail": cause.detail} for cause in why.because],
            "expectedAt": iso_or_none(why.expected_at),
        },
    }
