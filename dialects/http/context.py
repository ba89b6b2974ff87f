"""What every way in shares: the open store, the desk, the pace; and what a dialect is."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from campaign.instants import Instant
from campaign.model import Draft
from campaign.settings import Settings
from dialects.http.rate_limits import RequestLimiter
from service.campaigns import Admission
from service.changes import Change
from service.dry_run import DryRun
from store.shared.views import CampaignView
from store.store import Store


class DeskPort(Protocol):
    """What dialects ask of the desk (see service/campaigns.py)."""

    async def admit(
        self, draft: Draft, id_prefix: str = ..., campaign_id: str | None = ...
    ) -> Admission:
        """Take a draft in."""
        ...

    async def dry_run(self, draft: Draft) -> DryRun:
        """Judge a draft without taking it in."""
        ...

    async def pause(self, view: CampaignView) -> None:
        """Pause a campaign."""
        ...

    async def resume(self, view: CampaignView) -> None:
        """Resume a campaign."""
        ...

    async def retry(self, view: CampaignView) -> None:
        """Send again what failed for a reason that may pass."""
        ...

    async def change(self, view: CampaignView, change: Change) -> Instant | None:
        """Give a campaign another start, spread or speed."""
        ...

    async def cancel(self, view: CampaignView) -> None:
        """Cancel a campaign."""
        ...

    async def is_reachable(self) -> bool:
        """Tell whether Temporal answers."""
        ...


@dataclass(frozen=True, slots=True)
class ApiContext:
    """The open parts of one API process; ``event_dialects`` has words for webhooks."""

    settings: Settings
    store: Store
    service: DeskPort
    limiter: RequestLimiter
    event_dialects: Collection[str] = ()
