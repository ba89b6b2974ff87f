"""Media of a draft, downloaded before the answer as carriers will do it after (33014 to 33018).

What comes is judged and thrown away. docs/decisions/0022-media.md says what is checked and when.
"""

import asyncio
from collections.abc import Iterator

from campaign.expanding import at_entries
from campaign.model import ComposedCampaign
from campaign.refusals import SHOWN_MAX, Refused
from campaign.rules.media import (
    AWAY,
    BYTES_MAX,
    LATE,
    TOO_LARGE,
    UNSAFE,
    Fault,
    fault_of,
    refusals,
)
from campaign.settings import Settings
from campaign.states import MessageStatus
from store.shared.own_keys import stored_key
from store.store import Store
from telemetry.logs import get_logger
from webhooks.addresses import leads_inside
from webhooks.client import EgressClient, Unreachable
from webhooks.transport import Reason

log = get_logger("godwit.media")

AT_ONCE = 8
FETCH_SECONDS = 10.0
# With the wait for the verdict (30 s) this stays below what any answer may take (60 s).
DRAFT_SECONDS = 20.0


class MediaCheck:
    """Downloads each address of a draft once, some at a time, all of them within ``seconds``.

    Without an egress client it downloads nothing, and refuses only addresses whose text alone says
    that they lead inside, unless ``inside_too``.
    """

    def __init__(
        self,
        store: Store,
        egress: EgressClient | None,
        seconds: float = DRAFT_SECONDS,
        inside_too: bool = False,
    ) -> None:
        self._store = store
        self._inside_too = inside_too
        self._egress = egress
        self._seconds = seconds

    async def check(self, composed: ComposedCampaign) -> None:
        """Hold the media of a composed draft against what may be sent.

        Raises Refused with the place of each fault, a readable number of them. A draft whose key
        is held already is not looked at: it gets its first answer, whatever became of its media.
        """
        urls = _urls_of(composed)
        if not urls:
            return
        # Who wrote the address knows this much of it, so it is told apart, and nobody is called.
        unsafe = await asyncio.to_thread(lambda: list(filter(self._is_unsafe, urls)))
        faults = dict.fromkeys(unsafe, UNSAFE)
        if not faults and self._egress is None:
            return
        if await self._is_replay(composed):
            return
        if not faults and self._egress is not None:
            faults = await self._download(self._egress, urls)
        if faults:
            raise Refused(*at_entries(refusals(composed, faults), composed.draft))

    async def close(self) -> None:
        """Close the egress client."""
        if self._egress is not None:
            await self._egress.close()

    def _is_unsafe(self, url: str) -> bool:
        if self._egress is not None:
            return self._egress.refuses(url)
        return leads_inside(url, self._inside_too)

    async def _is_replay(self, composed: ComposedCampaign) -> bool:
        draft = composed.draft
        key = stored_key(draft.key, draft.sandbox)
        if key is None:
            return False
        return await asyncio.to_thread(
            self._store.campaigns.has_key, draft.account_id, key, composed.received_at
        )

    async def _download(self, egress: EgressClient, urls: list[str]) -> dict[str, Fault]:
        faults: dict[str, Fault] = {}
        waiting, sound = iter(urls), set[str]()
        try:
            async with asyncio.timeout(self._seconds), asyncio.TaskGroup() as group:
                for _ in range(min(AT_ONCE, len(urls))):
                    group.create_task(_work_off(egress, waiting, sound, faults))
        except TimeoutError:
            for url in urls:
                if url not in sound:
                    faults.setdefault(url, LATE)
        return faults


def open_media_check(settings: Settings, store: Store) -> MediaCheck:
    """Make the check as the settings want it."""
    if not settings.check_media:
        return MediaCheck(store, None, inside_too=settings.allow_private_urls)
    egress = EgressClient(
        settings.allow_private_urls, timeout_seconds=FETCH_SECONDS, bytes_max=BYTES_MAX
    )
    return MediaCheck(store, egress)


def _urls_of(composed: ComposedCampaign) -> list[str]:
    """The media addresses of the messages that will go, each once."""
    urls = (
        message.media_url
        for message in composed.messages
        if message.status is MessageStatus.QUEUED and message.media_url is not None
    )
    return list(dict.fromkeys(urls))


async def _work_off(
    egress: EgressClient, waiting: Iterator[str], sound: set[str], faults: dict[str, Fault]
) -> None:
    for url in waiting:
        # No more are told anyway.
        if len(faults) >= SHOWN_MAX:
            return
        fault = await _fault(egress, url)
        if fault is None:
            sound.add(url)
        else:
            faults[url] = fault


async def _fault(egress: EgressClient, url: str) -> Fault | None:
    try:
        answer = await egress.request("GET", url)
    except Unreachable as unreachable:
        log.info("media_not_downloaded", reason=unreachable.reason.value)
        return TOO_LARGE if unreachable.reason is Reason.TOO_LARGE else AWAY
    return fault_of(answer.status_code, answer.headers.get("content-type", ""), len(answer.content))
