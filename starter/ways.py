"""What every way in shares: the open store, the desk, the pace; and what a dialect is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fastapi import APIRouter
from fastapi.responses import Response

from campaign.model import Draft
from campaign.settings import Settings
from starter.desk import Admission
from starter.pace import Pace
from starter.rehearsal import Rehearsal
from store.store import Store
from store.views import CampaignView


class DeskPort(Protocol):
    """What dialects ask of the desk (see starter/desk.py)."""

    async def admit(self, draft: Draft, id_prefix: str = ...) -> Admission:
        """Take a draft in."""
        ...

    async def rehearse(self, draft: Draft) -> Rehearsal:
        """Judge a draft without taking it in."""
        ...

    async def pause(self, view: CampaignView) -> None:
        """Pause a campaign."""
        ...

    async def resume(self, view: CampaignView) -> None:
        """Resume a campaign."""
        ...

    async def cancel(self, view: CampaignView) -> None:
        """Cancel a campaign."""
        ...

    async def is_reachable(self) -> bool:
        """Tell whether Temporal answers."""
        ...


@dataclass(frozen=True, slots=True)
class Ways:
    """The open parts of one API process."""

    settings: Settings
    store: Store
    desk: DeskPort
    pace: Pace


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API: the paths it owns, its routes, and the shape of its errors.

    ``show_error`` renders what no route of its own answered: a status (404, 405, 500, 503) and
    a sentence.
    """

    name: str
    prefix: str
    routes: Callable[[Ways], APIRouter]
    show_error: Callable[[int, str], Response]
