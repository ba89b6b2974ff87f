"""Hand a chunk of messages to the carrier, losing none and doubling none."""

import asyncio
from collections.abc import Mapping

from temporalio import activity

from activities.attempts import Attempts, SendingLimits
from activities.breaker import Breaker
from activities.carriers import Carriers
from activities.chunk_sender import ChunkSender
from activities.clock import Clock, Clocks
from activities.heartbeat import heartbeating
from activities.records import ChunkInput, ChunkResult
from activities.store_retry import retry_while_unavailable
from activities.waiting import Lines, Places
from campaign.ports import CampaignStore, ChunkRange, HealthStore, SendingStore


class Sending:
    """The activity that sends."""

    def __init__(
        self,
        campaigns: CampaignStore,
        store: SendingStore,
        health: HealthStore,
        carriers: Carriers,
        limits: SendingLimits,
        places: Mapping[str, Places],
    ) -> None:
        self._campaigns = campaigns
        self._store = store
        self._carriers = carriers
        self._limits = limits
        self._breaker = Breaker(health)
        self._clocks = Clocks()
        self._places = places
        self._lines = Lines()

    @activity.defn
    async def send_chunk(self, input: ChunkInput) -> ChunkResult:
        """Send every message of a range that is due, and say how many ended how.

        Told to stop (campaign paused or cancelled, worker going down) it starts no further
        request, waits for the answers under way, writes them, and leaves the rest waiting. Run
        again after a crash it first settles what the dead attempt left ``sending``.
        """
        info = activity.info()
        clock = self._clocks.clock()
        stop = asyncio.Event()
        attempts = Attempts(
            store=self._store,
            carriers=self._carriers,
            breaker=self._breaker,
            limits=self._limits,
            range=ChunkRange(input.campaign_id, input.low, input.high, input.due_until),
            token=f"{info.workflow_run_id}:{info.activity_id}:{info.attempt}",
            now=clock.now,
            stop=stop,
            cancelled=input.cancelled,
        )
        places = self._places[info.task_queue]
        sender = ChunkSender(attempts, places, self._lines, input.known_down)
        async with heartbeating(stop):
            work = asyncio.create_task(self._run(sender, input, clock))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                stop.set()
                return await work

    async def _run(self, sender: ChunkSender, input: ChunkInput, clock: Clock) -> ChunkResult:
        if input.begins:
            await retry_while_unavailable(
                lambda now: self._campaigns.begin(input.campaign_id, now), clock.now
            )
        return await sender.run()
