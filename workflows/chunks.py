"""The chunks of a wave: several at once, stopped when the campaign is held, counted as they end."""

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, RetryState, is_cancelled_exception

from activities.options import send_chunk_options, sending_queue
from activities.records import ChunkInput, ChunkResult
from activities.sending import Sending
from campaign.schedule import Wave
from workflows import timers
from workflows.steps import kind_of


class Chunks:
    """Runs the chunks of one wave after the other, ``at_once`` of them at the same time.

    While ``held`` nothing more starts. ``count`` gets the result of each chunk that ended. A chunk
    that fails by a fault of ours asks for help like any other step.
    """

    def __init__(
        self,
        campaign_id: str,
        at_once: int,
        held: Callable[[], bool],
        count: Callable[[ChunkResult], None],
        ask_for_help: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._campaign_id = campaign_id
        self._at_once = at_once
        self._held = held
        self._count = count
        self._ask_for_help = ask_for_help
        self._failed: str | None = None
        self._replan = False
        self._again_at: int | None = None
        self._several = False
        self._running: list[workflow.ActivityHandle[ChunkResult]] = []

    async def send(
        self,
        wave: Wave,
        number: int,
        known_down: bool = False,
        receipts_seconds: float | None = None,
    ) -> bool:
        """Send a wave; False when it was held or left something that must be planned anew.

        With ``receipts_seconds`` a wave of one chunk awaits receipts that come soon.
        """
        self._replan, self._again_at = False, None
        todo = list(wave.chunks)
        self._several = len(todo) > 1
        while todo or self._running:
            while todo and not self._held() and len(self._running) < self._at_once:
                low, high = todo.pop(0)
                label = f"wave {number} • recipients {low}-{high - 1}"
                self._start(
                    low,
                    high,
                    wave.due_until,
                    label,
                    known_down=known_down,
                    begins=wave.begins,
                    receipts_seconds=None if self._several else receipts_seconds,
                )
            if self._held():
                todo.clear()
            if not await self._one_ended():
                todo.clear()
            await self._help_if_failed()
            if self._again_at is not None:
                todo.clear()
        if self._again_at is not None:
            await timers.wait_until(self._again_at, self._held, "until a worker has room")
        return not self._held() and not self._replan

    async def find_out(self, wave: Wave) -> None:
        """Find out what of a cancelled wave left with a worker that died; nothing more is sent."""
        todo = list(wave.chunks)
        self._several = len(todo) > 1
        while todo or self._running:
            while todo and len(self._running) < self._at_once:
                low, high = todo.pop(0)
                label = f"what had left of recipients {low}-{high - 1}"
                self._start(low, high, wave.due_until, label, cancelled=True)
            await workflow.wait_condition(lambda: any(handle.done() for handle in self._running))
            self._gather()
            await self._help_if_failed()

    async def drain(self) -> None:
        """Cancel running chunks and wait for what they had sent by then."""
        for handle in self._running:
            if not handle.done():
                handle.cancel()
        await workflow.wait_condition(lambda: all(handle.done() for handle in self._running))
        self._gather()

    def _start(self, low: int, high: int, due_until: int, label: str, **knowing: Any) -> None:
        input = ChunkInput(
            campaign_id=self._campaign_id,
            low=low,
            high=high,
            due_until=due_until,
            **knowing,
        )
        # Several are for several workers: the one that runs the workflow would keep them all.
        shared_on = sending_queue(workflow.info().task_queue) if self._several else None
        options = send_chunk_options(label, shared_on)
        handle = workflow.start_activity_method(Sending.send_chunk, input, **options)
        self._running.append(handle)

    async def _one_ended(self) -> bool:
        """Wait for a chunk to end, or for a hold; False when the rest should be held back."""
        if not self._running:
            return True
        await workflow.wait_condition(
            lambda: self._held() or any(handle.done() for handle in self._running)
        )
        if self._held():
            await self.drain()
            return False
        self._gather()
        return True

    def _gather(self) -> None:
        for handle in [handle for handle in self._running if handle.done()]:
            self._running.remove(handle)
            try:
                result = handle.result()
            except ActivityError as error:
                if not _was_cancelled(error):
                    self._failed, self._replan = kind_of(error), True
                # Otherwise it had not begun, or its worker died before it could stop: the next
                # plan has what that left behind.
                continue
            self._again_at = result.again_at or self._again_at
            self._replan = self._replan or result.stopped or result.deferred + result.retryable > 0
            self._count(result)

    async def _help_if_failed(self) -> None:
        if self._failed is not None:
            failed, self._failed = self._failed, None
            await self._ask_for_help("send_chunk", failed)


def _was_cancelled(error: ActivityError) -> bool:
    """Whether the campaign cancelled it; a chunk that times out after that is not tried again."""
    return is_cancelled_exception(error) or error.retry_state is RetryState.CANCEL_REQUESTED
