"""Hand a chunk of messages to the carrier, losing none and doubling none."""

import asyncio
import math
from collections.abc import Mapping
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.attempts import Attempts, SendingLimits
from activities.breaker import Breaker
from activities.carriers import Carriers
from activities.chunk_sender import ChunkSender
from activities.clock import Clocks
from activities.heartbeat import heartbeating
from activities.records import ChunkInput, ChunkResult
from activities.waiting import Lines, Places
from campaign.instants import SECOND, Instant
from campaign.ports import CampaignStore, ChunkRange, HealthStore, SendingStore
from telemetry.tracing import note

# The type of the error with which an attempt ends whose next message is due later, or which awaits
# receipts.
DUE_LATER = "DueLater"
# The last chunk awaits receipts for 1, 2 and 4 seconds; after that its workflow does.
RECEIPTS_WAIT_MAX = 4
# The key in the counts for the seconds that it has waited.
WAITED = "waited_seconds"


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

        Each message leaves when it is due. While none is due for more than a moment, and while the
        last chunk of a campaign awaits receipts, the activity is between two attempts, which takes
        neither a place in the worker nor an event of the history; the counts pass from one to the
        next as details of a heartbeat.
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
        before: dict[str, int] = dict(*info.heartbeat_details)
        counts = dict(before)
        sender = ChunkSender(attempts, places, self._lines, input.known_down, counts, input.begins)
        async with heartbeating(stop, lambda: counts):
            work = asyncio.create_task(self._run(sender, input))
            try:
                result = await asyncio.shield(work)
            except asyncio.CancelledError:
                stop.set()
                return await work
        outcomes = counts.keys() - {WAITED}
        note(**{f"messages.{one}": counts[one] - before.get(one, 0) for one in outcomes})
        if sender.back_at is not None:
            activity.heartbeat(counts)
            raise _due_later(sender.back_at - clock.now())
        return result

    async def _run(self, sender: ChunkSender, input: ChunkInput) -> ChunkResult:
        result = await sender.run()
        if input.receipts_seconds is None or result.stopped or sender.back_at is not None:
            return result
        return await self._await_receipts(sender, input.campaign_id, input.receipts_seconds, result)

    async def _await_receipts(
        self, sender: ChunkSender, campaign_id: str, seconds: float, result: ChunkResult
    ) -> ChunkResult:
        """Count a campaign of which all has been sent, and again later while receipts are open."""
        attempts = sender.attempts
        tally = await attempts.retry_while_unavailable(lambda _: self._campaigns.tally(campaign_id))
        if not tally.is_all_sent or tally.unknown:
            return result
        wait = min(result.waited_seconds + 1, math.floor(seconds) - result.waited_seconds)
        if tally.sent and 0 < wait <= RECEIPTS_WAIT_MAX and not attempts.stop.is_set():
            sender.counts[WAITED] = result.waited_seconds + wait
            sender.back_at = attempts.now() + wait * SECOND
        return result.model_copy(update={"tally": tally})


def _due_later(wait: Instant) -> ApplicationError:
    """Make the error that lets the server begin the next attempt after so many milliseconds."""
    return ApplicationError(
        "there is more to do later",
        type=DUE_LATER,
        next_retry_delay=timedelta(milliseconds=max(wait, 1)),
        category=ApplicationErrorCategory.BENIGN,
    )
