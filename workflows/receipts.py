"""The wait for receipts between the last send and the settlement."""

from collections.abc import Callable
from itertools import chain, repeat

from activities.lifecycle import Lifecycle
from activities.records import CampaignRef, NextWavesResult
from campaign.ports import Tally
from workflows import timers
from workflows.records import CampaignState
from workflows.steps import Steps

WAITS_SECONDS = (1, 2, 4, 8, 15, 30, 60, 120, 300, 600)


class Receipts:
    """Counts a campaign at longer and longer intervals until no message waits for a receipt.

    ``counted`` is a count that was just made; ``show`` is called with each. ``all_sent`` says that
    no message waits to be sent, so that no other look is needed.
    """

    def __init__(
        self, steps: Steps, ref: CampaignRef, state: CampaignState, show: Callable[[], None]
    ) -> None:
        self._steps = steps
        self._ref = ref
        self._state = state
        self._show = show
        self._waited = 0
        self.counted: Tally | None = None
        self.all_sent = False
        self.decides_canary = False

    def follow(self, planned: NextWavesResult) -> None:
        """Take the count of a look that found nothing to send, and whether a canary is open."""
        self.counted = None if planned.waves else planned.tally
        self.decides_canary = planned.canary

    def take(self, counted: Tally | None, waited: int) -> None:
        """Take the count of a chunk that was the last, and for how long it has waited already."""
        self.counted, self._waited, self.all_sent = counted, waited, counted is not None

    async def wait(self, seconds: float) -> None:
        """Wait for receipts for so long at most; the state has the last count afterwards.

        Ends when the campaign is cancelled.
        """
        waited, self._waited, self.all_sent = self._waited, 0, False
        seconds -= waited
        waits = (wait for wait in WAITS_SECONDS if wait > waited)
        for wait in chain(waits, repeat(WAITS_SECONDS[-1])):
            tally, self.counted = self.counted, None
            if tally is None:
                tally = await self._steps.run(Lifecycle.count_messages, self._ref, "count receipts")
            self._state.tally = tally
            self._show()
            if tally.sent + tally.unknown == 0 or seconds <= 0 or self._state.cancelling:
                return
            pause = min(wait, seconds)
            seconds -= pause
            await timers.wait_for(pause, lambda: self._state.cancelling, "wait for receipts")
