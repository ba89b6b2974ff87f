"""One attempt at one chunk: claim a window, send it, write the outcomes, claim again.

Three rules make it safe to die at any line:

1. A row is ``sending`` under this attempt's token, and committed so, before its first byte.
2. A request starts only while the row's lease still covers its whole deadline.
3. A row left ``sending`` is touched by another attempt only after its lease has ended; then the
   carrier's nature decides: repeat under the same reference, ask, or call it ``unknown``.

A repeat may be the first to arrive. So it is a send like any other: not for a number that has
opted out since, nor when the campaign is cancelled.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from activities.attempts import START_WITHIN, Attempts
from activities.records import ChunkResult
from activities.sending_metrics import count_claim
from activities.waiting import Lines, Places
from campaign.failures import StoreUnavailable
from campaign.instants import SECOND, Instant
from campaign.ports import ClaimResult, Outcome
from campaign.states import MessageStatus

FLUSH_SECONDS = 0.1
# For so long a chunk waits for its next message; otherwise it ends and comes back then.
DUE_PATIENCE: Instant = 2 * SECOND
# Messages that are due closer together are claimed together, so much later at most.
CLAIM_EVERY: Instant = SECOND // 10
# A chunk that can only wait for a carrier says so after this long; then it waits for longer.
DOWN_PATIENCE: Instant = 2 * SECOND
DOWN_PATIENCE_KNOWN: Instant = 30 * SECOND
# For so long a chunk stays away that left a worker without room.
AWAY: Instant = 10 * SECOND


@dataclass
class ChunkSender:
    """The state of one attempt at one chunk.

    Of a cancelled campaign it only finds out what had left. With ``known_down`` nobody needs to be
    told soon that a carrier is down; with ``begins`` the first claim writes that the campaign runs.
    ``places`` and ``lines`` are those of the worker. ``counts`` has how many messages ended how,
    those of earlier attempts included.

    When no message is due for a while, ``run`` ends before the chunk does: ``back_at`` is then
    when another attempt should begin.
    """

    attempts: Attempts
    places: Places
    lines: Lines
    known_down: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    begins: bool = False
    back_at: Instant | None = None
    _exhausted: bool = False
    _again_at: Instant | None = None
    _left: bool = False
    _waits_for: str | None = None
    _outcomes: list[Outcome] = field(default_factory=list)
    _under_way: int = 0
    _ask_again_at: Instant = 0
    _due_at: Instant | None = None
    _down: str | None = None
    _down_since: Instant = 0
    _held: bool = False
    # What a task raised that no task may raise: nothing more is claimed, and all that is answered
    # is written before it goes on.
    _failure: Exception | None = None

    async def run(self) -> ChunkResult:
        """Work until the range has nothing more to claim, or until told to stop.

        An unexpected error in one send is raised only when the other sends have ended and their
        outcomes are written.
        """
        self._exhausted = self.attempts.cancelled
        async with asyncio.TaskGroup() as sends:
            self._under_way += 1
            sends.create_task(self._recover(sends))
            while True:
                if self._waits_until_due():
                    if not await self._claim_when_due(sends):
                        break
                    continue
                if self._only_waits():
                    if not await self._claim_in_line(sends) and self._left:
                        break
                    continue
                await self._claim(sends)
                if self._under_way:
                    await self._wait()
                elif not self._outcomes and self._has_ended():
                    break
        if self._failure is not None:
            raise self._failure
        return ChunkResult(
            stopped=not self._exhausted,
            down=self._down,
            again_at=self._again_at,
            held=self._held,
            tally=None,
            **self.counts,
        )

    async def _claim(self, sends: asyncio.TaskGroup) -> ClaimResult:
        """Write the outcomes that are there, and claim and start as many messages as have room."""
        # Before ``_ask_again_at`` its turn has not come.
        claiming = not self._has_ended() and self._ask_again_at <= self.attempts.now()
        room = self._room() if claiming else 0
        outcomes, self._outcomes = self._outcomes, []
        self.attempts.changed.clear()
        if not outcomes and room <= 0:
            return ClaimResult()
        try:
            result, start_by = await self._flush_and_claim(outcomes, room)
        except StoreUnavailable:
            raise
        except Exception as error:
            if room <= 0:
                raise
            # The claim may be at fault: the answers are written without one.
            self._outcomes = [*outcomes, *self._outcomes]
            self._failure = self._failure or error
            return ClaimResult()
        if room > 0:
            self._exhausted = self._exhausted or result.exhausted
            self._notice(result)
        elif self._due_at and any(each.status is MessageStatus.RETRYABLE for each in outcomes):
            # It may be due before what was found to be next.
            self._due_at, self._ask_again_at = None, self.attempts.now()
        count_claim(result)
        self._count("skipped", result.skipped)
        self._count("deferred", result.deferred)
        for handoff in result.claimed:
            self._start(sends, self.attempts.send(handoff, start_by))
        return result

    def _has_ended(self) -> bool:
        return self._exhausted or self._is_stopping()

    def _is_stopping(self) -> bool:
        return self.attempts.stop.is_set() or self._failure is not None

    def _only_waits(self) -> bool:
        """Tell whether nothing is under way, and what is left may not leave yet."""
        return self._waits_for is not None and not self._is_busy() and not self._has_ended()

    def _waits_until_due(self) -> bool:
        """Tell whether nothing is under way, and the next message is not due yet."""
        return self._due_at is not None and not self._is_busy() and not self._has_ended()

    def _is_busy(self) -> bool:
        return bool(self._under_way or self._outcomes)

    async def _claim_when_due(self, sends: asyncio.TaskGroup) -> bool:
        """Wait until the next message is due, and claim; False if that takes too long."""
        assert self._due_at is not None
        now = self.attempts.now()
        if self._due_at - now > DUE_PATIENCE or self.places.crowded:
            self.back_at = self._due_at
            return False
        with self.places.waiting():
            await self.attempts.pause((self._ask_again_at - now) / SECOND)
            await self.places.returning()
        self._ask_again_at = 0
        await self._claim(sends)
        return True

    async def _claim_in_line(self, sends: asyncio.TaskGroup) -> bool:
        """Wait for a rate or a carrier after others of this worker, and claim once."""
        assert self._waits_for is not None

        async def claim() -> ClaimResult:
            await self.places.returning()
            self._ask_again_at = 0
            return await self._claim(sends)

        with self.places.waiting():
            return await self.lines.ask(
                self._waits_for,
                self._ask_again_at,
                self.attempts.now,
                claim,
                self._gives_up,
                self.attempts.stop,
            )

    def _notice(self, result: ClaimResult) -> None:
        """Remember what is waited for, and since when for a carrier."""
        if result.held:
            self._held = True
            self.attempts.stop.set()
        self._ask_again_at = result.ask_again_at or 0
        self._waits_for = result.waits_for
        self._due_at = result.ask_again_at if result.waits_for is None else None
        if self._due_at is not None:
            self._ask_again_at = max(self._due_at, self.attempts.now() + CLAIM_EVERY)
        if result.down and not self._down:
            self._down_since = self.attempts.now()
        self._down = result.down

    def _gives_up(self) -> bool:
        """Tell whether to wait elsewhere: others need the place, or should know of a carrier."""
        now = self.attempts.now()
        patience = DOWN_PATIENCE_KNOWN if self.known_down else DOWN_PATIENCE
        crowded = self.places.crowded
        if crowded:
            self._again_at = now + AWAY
        self._left = crowded or bool(self._down and now - self._down_since >= patience)
        return self._left

    async def _wait(self) -> None:
        """Wait until some answers are there, or until it is our turn to claim again."""
        if self._ask_again_at and self._room() > 0 and not self._is_stopping():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout((self._ask_again_at - self.attempts.now()) / SECOND):
                    await self.attempts.changed.wait()
        else:
            await self.attempts.changed.wait()

    def _room(self) -> int:
        """How many more messages may be between claim and answer."""
        return self.attempts.limits.window - self._under_way + self.attempts.parked

    async def _flush_and_claim(
        self, outcomes: list[Outcome], room: int
    ) -> tuple[ClaimResult, Instant]:
        """One transaction, and until when what it claimed may start.

        Writing an outcome again is harmless. A claim whose commit was lost from sight stays
        ``sending`` and unsent; like any row of a dead attempt it is taken up after its lease.
        """

        def flush_and_claim(now: Instant) -> tuple[ClaimResult, Instant]:
            claim = self.attempts.store.flush_and_claim(
                self.attempts.range,
                self.attempts.token,
                outcomes,
                room,
                now,
                self.attempts.lease(now),
                self.begins and room > 0,
            )
            return claim, now + START_WITHIN

        waits = self._waits_for is not None
        async with self.lines.asking if waits else contextlib.nullcontext():
            answer = await self.attempts.retry_while_unavailable(flush_and_claim)
        self.begins = self.begins and room <= 0
        return answer

    # ------------------------------------------------------------------ one message

    def _start(
        self, sends: asyncio.TaskGroup, sending: Coroutine[Any, Any, Outcome | None]
    ) -> None:
        self._under_way += 1
        sends.create_task(self._hand_over(sending))

    async def _hand_over(self, sending: Coroutine[Any, Any, Outcome | None]) -> None:
        try:
            outcome = await sending
            if outcome is not None:
                self._outcomes.append(outcome)
                self._count(outcome.status.value, 1)
        except Exception as error:
            # In a TaskGroup it would cut off requests whose messages the carrier may have taken.
            self._failure = self._failure or error
        finally:
            self._one_ended()

    def _count(self, what: str, count: int) -> None:
        self.counts[what] = self.counts.get(what, 0) + count

    def _one_ended(self) -> None:
        """Wake the loop when half the window has ended, all of it has, or a moment passes."""
        self._under_way -= 1
        if self._under_way == 0 or len(self._outcomes) * 2 >= self.attempts.limits.window:
            self.attempts.changed.set()
        elif len(self._outcomes) == 1:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.attempts.changed.set)

    # ------------------------------------------------------------------ dead attempts

    async def _adopt(self, positions: list[int]) -> list[int]:
        return await self.attempts.retry_while_unavailable(
            lambda now: self.attempts.store.adopt(
                self.attempts.range, self.attempts.token, positions, now, self.attempts.lease(now)
            )
        )

    async def _recover(self, sends: asyncio.TaskGroup) -> None:
        """Take over what dead attempts left ``sending``, once their leases have ended."""
        try:
            while not self.attempts.stop.is_set():
                rows, claimed_until = await self.attempts.retry_while_unavailable(
                    lambda now: self.attempts.store.abandoned(
                        self.attempts.range, self.attempts.token
                    )
                )
                if not rows or claimed_until is None:
                    break
                now = self.attempts.now()
                if claimed_until >= now:
                    await self.attempts.pause((claimed_until - now + 1) / SECOND)
                    continue
                left = {row.position: row for row in rows}
                for position in await self._adopt(list(left)):
                    self._start(sends, self.attempts.resolve_unknown(left[position], "interrupted"))
                break
        except Exception as error:
            self._failure = self._failure or error
        finally:
            self._one_ended()
