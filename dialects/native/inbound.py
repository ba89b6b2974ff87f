"""How the native API shows inbound texts, in answers and in events."""

from typing import Any

from campaign.inbound import InboundMessage
from campaign.instants import iso


def inbound_json(inbound: InboundMessage) -> dict[str, Any]:
    """An inbound text; ``messageId`` and ``campaignId`` are what it answers, null without.

    ``needsReview`` leaves to a person whether it asks for something.
    """
    return {
        "id": inbound.id,
        "from": inbound.writer,
        "to": inbound.number,
        "text": inbound.body,
        "mediaUrls": list(inbound.media_urls),
        "receivedAt": iso(inbound.received_at),
        "carrier": inbound.carrier,
        "campaignId": inbound.campaign_id,
        "messageId": inbound.message_id,
        "needsReview": inbound.needs_review,
    }
