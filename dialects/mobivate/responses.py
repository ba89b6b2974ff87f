"""Mobivate: answers, and failures in the two shapes that the vendor's pages have."""

from typing import Any

from campaign.instants import iso
from store.shared.views import CampaignView


def show(view: CampaignView, type_: str) -> dict[str, Any]:
    """Answer an accepted request; a replay looks the same."""
    scheduled = max(view.scheduled_at or view.created_at, view.created_at)
    record = {
        "id": view.id,
        "type": type_,
        "scheduled": iso(scheduled),
        "recipientCount": view.total,
    }
    return {"success": True, "record": record}
