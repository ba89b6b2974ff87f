"""Live progress of campaigns: one look a second at the store, however many watch."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from campaign.failures import StoreUnavailable
from campaign.states import CAMPAIGN_ENDS
from campaign.views import CampaignView
from store.database.threads import read_in_thread
from store.store import Store
from telemetry.logs import get_logger

log = get_logger("godwit.service")

LOOK_SECONDS = 1.0
WATCHERS_MAX = 20


class TooManyWatchers(Exception):
    """The account watches as many campaigns as it may at a time."""


class CampaignWatch:
    """One campaign, as it was at the last look; ``view`` is replaced when anything changed."""

    def __init__(self, view: CampaignView) -> None:
        self.view = view
        self.watchers = 0
        self._changed = asyncio.Event()

    def show(self, view: CampaignView) -> None:
        """Replace the view and let everybody know, if anything changed."""
        if view != self.view:
            self.view = view
            self.wake()

    def wake(self) -> None:
        """End every ``wait``."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """Wait until the view is replaced or the watches are closed; False if that takes longer."""
        try:
            async with asyncio.timeout(seconds):
                return await self._changed.wait()
        except TimeoutError:
            return False


class CampaignWatches:
    """The campaigns that are watched through this process.

    An account has at most ``watchers_max`` watchers at a time. A campaign is read once a second
    while it has any, and not at all without. Use it in one event loop.
    """

    def __init__(self, watchers_max: int = WATCHERS_MAX) -> None:
        self._watchers_max = watchers_max
        self._watchers: Counter[str] = Counter()
        self._watches: dict[str, CampaignWatch] = {}
        self._looking: dict[str, asyncio.Task[None]] = {}
        self.closed = False

    def has_room(self, account_id: str) -> bool:
        """Tell whether the account may have one more watcher."""
        return self._watchers[account_id] < self._watchers_max

    @asynccontextmanager
    async def watch(self, store: Store, view: CampaignView) -> AsyncIterator[CampaignWatch]:
        """Watch a campaign that was just read; raises TooManyWatchers."""
        account_id = view.account_id
        if not self.has_room(account_id):
            raise TooManyWatchers
        watch = self._watches.setdefault(view.id, CampaignWatch(view))
        watch.show(view)
        # One that has ended is looked at no longer, and may have been retried since.
        looking = self._looking.get(view.id)
        if looking is None or looking.done():
            self._looking[view.id] = asyncio.create_task(self._look(store, watch))
        watch.watchers += 1
        self._watchers[account_id] += 1
        try:
            yield watch
        finally:
            watch.watchers -= 1
            self._watchers[account_id] -= 1
            if not self._watchers[account_id]:
                del self._watchers[account_id]
            if not watch.watchers:
                del self._watches[view.id]
                self._looking.pop(view.id).cancel()

    def close(self) -> None:
        """End every watch, because the process stops."""
        self.closed = True
        for watch in self._watches.values():
            watch.wake()

    async def _look(self, store: Store, watch: CampaignWatch) -> None:
        while watch.view.status not in CAMPAIGN_ENDS:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                view = await read_in_thread(store.campaigns.get, watch.view.id)
            except StoreUnavailable as error:
                log.warning("a watched campaign could not be read", reason=str(error))
            except Exception as error:
                log.error("a watched campaign could not be read", exc_info=error)
            else:
                watch.show(view or watch.view)
