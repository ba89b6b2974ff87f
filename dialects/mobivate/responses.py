"""Mobivate: the answer to an accepted request."""

from typing import Any

from campaign.instants import iso
from campaign.views import CampaignView


def show(view: CampaignView, type_: str) -> dict[str, Any]:
    """Answer an accepted request; the answer to a replayed key is the same."""
    scheduled = max(view.scheduled_at or view.created_at, view.created_at)
    record = {
        "id": view.id,
        "type": type_,
        "scheduled": iso(scheduled),
        "recipientCount": view.total,
    }
    return {"success": True, "record": record}
