"""What every way in shares: the open store, the desk, the pace; and what a dialect is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fastapi import APIRouter
from fastapi.responses import Response

from campaign.instants import Instant
from campaign.model import Draft
from campaign.settings import Settings
from starter.changing import Change
from starter.desk import Admission
from starter.pace import Pace
from starter.rehearsal import Rehearsal
from store.news import NewsEvent
from store.store import Store
from store.views import CampaignView


class DeskPort(Protocol):
    """What dialects ask of the desk (see starter/desk.py)."""

    async def admit(
        self, draft: Draft, id_prefix: str = ..., campaign_id: str | None = ...
    ) -> Admission:
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
class Ways:
    """The open parts of one API process."""

    settings: Settings
    store: Store
    desk: DeskPort
    pace: Pace


@dataclass(frozen=True, slots=True)
class OutgoingCall:
    """A callback as a dialect says it; where it goes and how it is signed is not its business.

    ``query`` is put behind the address's own. A body must be UTF-8, since it may be signed as
    text; ``headers`` say what it is.
    """

    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    query: Sequence[tuple[str, str]] = ()


ShowNews = Callable[[NewsEvent], OutgoingCall | None]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API: the paths it owns, its routes, and the shape of its errors and of its news.

    ``prefix`` is how the paths that it owns begin; an API without a root of its own has several.
    ``show_error`` renders what no route of its own answered: a status (404, 405, 500, 503) and
    a sentence. ``show_news`` renders a callback, each time it is told anew, so the same event must
    give the same; None where the API has no words for an event. It runs in a thread. Without it
    the native API's words are used.
    """

    name: str
    prefix: str | tuple[str, ...]
    routes: Callable[[Ways], APIRouter]
    show_error: Callable[[int, str], Response]
    show_news: ShowNews | None = None
