"""Chunks that wait: in line for the same rate, and beside the places of a worker."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, cast

from temporalio.worker import SlotReleaseContext, SlotReserveContext

from activities.attempts import Attempts, SendingLimits
from activities.breaker import Breaker
from activities.carriers import Carriers
from activities.chunk_sender import ChunkSender
from activities.waiting import ASK_EVERY_SECONDS, ASKING_MAX, Lines, Places
from campaign.handoffs import Handoff
from campaign.instants import SECOND
from campaign.ports import ChunkRange, ClaimResult, SendingStore
from tests.core.leaping import LeapingLoop, Time

ASKED = cast(SlotReserveContext, None)
RELEASED = cast(SlotReleaseContext, None)


def run(act: Callable[[LeapingLoop], Awaitable[None]]) -> None:
    """Run on a loop whose waits cost nothing."""
    loop = LeapingLoop(Time(1_000 * SECOND))

    async def acted() -> None:
        await act(loop)

    try:
        loop.run_until_complete(acted())
    finally:
        loop.close()


async def ask(
    lines: Lines,
    loop: LeapingLoop,
    claim: Callable[[], Awaitable[ClaimResult]],
    over: Callable[[], bool] = lambda: False,
    stop: asyncio.Event | None = None,
    ask_at: int = 0,
) -> bool:
    return await lines.ask("rate", ask_at, loop.now, claim, over, stop or asyncio.Event())


def test_of_many_who_wait_for_a_rate_one_at_a_time_asks_and_each_in_its_order() -> None:
    async def act(loop: LeapingLoop) -> None:
        lines, claimed = Lines(), []

        def claimer(number: int) -> Callable[[], Awaitable[ClaimResult]]:
            async def claim() -> ClaimResult:
                claimed.append((number, loop.now()))
                return ClaimResult(ask_again_at=loop.now() + SECOND // 2, waits_for="rate")

            return claim

        began = loop.now()
        waiting = [ask(lines, loop, claimer(number)) for number in range(60)]
        assert all(await asyncio.gather(*waiting))
        assert [number for number, _ in claimed] == list(range(60))
        assert [at - began for _, at in claimed] == [number * SECOND // 2 for number in range(60)]

    run(act)


def test_a_wait_of_years_is_asked_about_every_second() -> None:
    async def act(loop: LeapingLoop) -> None:
        async def claim() -> ClaimResult:
            return ClaimResult()

        began = loop.now()
        assert await ask(Lines(), loop, claim, ask_at=began + 10**12)
        assert loop.now() - began <= ASK_EVERY_SECONDS * SECOND + 1

    run(act)


def test_a_stop_and_an_end_of_patience_leave_the_line_without_a_claim() -> None:
    async def act(loop: LeapingLoop) -> None:
        async def hold() -> ClaimResult:
            await asyncio.sleep(30)
            return ClaimResult()

        lines, stop, began = Lines(), asyncio.Event(), loop.now()
        first = asyncio.ensure_future(ask(lines, loop, hold))
        stopped = asyncio.ensure_future(ask(lines, loop, hold, stop=stop))
        patient = ask(lines, loop, hold, over=lambda: loop.now() > began + 3 * SECOND)
        loop.call_later(2, stop.set)
        await asyncio.sleep(1)
        assert not await patient and loop.now() - began <= 5 * SECOND
        assert stopped.done() and not stopped.result() and not first.done()
        assert await first

    run(act)


def test_a_chunk_that_waits_leaves_its_place_to_another() -> None:
    async def act(_: LeapingLoop) -> None:
        places = Places(1, waiting_max=1)
        assert places.try_reserve_slot(ASKED) is not None
        assert places.try_reserve_slot(ASKED) is None
        queued = asyncio.ensure_future(places.reserve_slot(ASKED))
        await asyncio.sleep(1)
        assert not queued.done() and not places.crowded
        with places.waiting():
            assert await queued is not None
            assert places.crowded
            # Two work in one place for a moment, and a third does not begin before both ended.
        third = asyncio.ensure_future(places.reserve_slot(ASKED))
        places.release_slot(RELEASED)
        await asyncio.sleep(1)
        assert not third.done()
        places.release_slot(RELEASED)
        assert await third is not None

    run(act)


def test_chunks_that_waited_come_back_a_few_at_a_time() -> None:
    async def act(loop: LeapingLoop) -> None:
        places = Places(1)
        for _ in range(2):
            with places.waiting():
                assert places.try_reserve_slot(ASKED) is not None
        coming = asyncio.ensure_future(places.returning())
        await asyncio.sleep(1)
        assert not coming.done()
        places.release_slot(RELEASED)
        await coming

    run(act)


class Slow:
    """A store that grants nothing for three claims of a chunk, and counts those under way."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.claims: Counter[str] = Counter()
        self.asking = self.most = 0

    def abandoned(self, chunk: ChunkRange, token: str) -> tuple[list[Handoff], None]:
        """Nothing was left behind."""
        return [], None

    def flush_and_claim(self, chunk: ChunkRange, token: str, *args: Any) -> ClaimResult:
        """A claim of ten milliseconds; the first one of a chunk does not wait yet."""
        with self.lock:
            self.claims[token] += 1
            waits, ended = self.claims[token] > 1, self.claims[token] > 3
            self.asking += waits
            self.most = max(self.most, self.asking)
        time.sleep(0.01)
        with self.lock:
            self.asking -= waits
        return ClaimResult(
            exhausted=ended, ask_again_at=None if ended else 1, waits_for=None if ended else token
        )


async def test_f5_chunks_that_wait_for_rates_of_their_own_leave_threads_to_others() -> None:
    store, places, lines = Slow(), Places(1), Lines()

    def sender(number: int) -> ChunkSender:
        attempts = Attempts(
            store=cast(SendingStore, store),
            carriers=cast(Carriers, None),
            breaker=cast(Breaker, None),
            limits=SendingLimits(1, 1.0, (), 1),
            range=ChunkRange("campaign", 0, 1, 0),
            token=str(number),
            now=lambda: round(time.time() * SECOND),
            stop=asyncio.Event(),
        )
        return ChunkSender(attempts, places, lines)

    await asyncio.gather(*(sender(number).run() for number in range(40)))
    assert set(store.claims.values()) == {4}
    assert store.most <= ASKING_MAX
