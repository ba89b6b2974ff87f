"""The wait for receipts between the last send and the settlement."""

from collections.abc import Callable
from itertools import chain, repeat

from activities.lifecycle import Lifecycle
from activities.records import CampaignRef
from campaign.ports import Tally
from workflows import timers
from workflows.records import CampaignState
from workflows.steps import Steps

WAITS_SECONDS = (1, 2, 4, 8, 15, 30, 60, 120, 300, 600)


async def await_receipts(
    steps: Steps,
    ref: CampaignRef,
    state: CampaignState,
    counted: Tally | None,
    seconds: float,
    show: Callable[[], None],
) -> None:
    """Count at longer and longer intervals until no message waits for a receipt.

    Ends after ``seconds`` at the latest, or when the campaign is cancelled. ``counted`` is a count
    that was just made. ``state`` has the last count afterwards; ``show`` is called with each.
    """
    for wait in chain(WAITS_SECONDS, repeat(WAITS_SECONDS[-1])):
        if counted is None:
            counted = await steps.run(Lifecycle.count_messages, ref, "count receipts")
        state.tally, counted = counted, None
        show()
        if state.tally.sent + state.tally.unknown == 0 or seconds <= 0 or state.cancelling:
            return
        pause = min(wait, seconds)
        seconds -= pause
        await timers.wait_for(pause, lambda: state.cancelling, "wait for receipts")
