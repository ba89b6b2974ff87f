"""Deliveries to listeners: a client fetches signed calls, makes them, and reports their answers.

They are the deliveries of the outbox: claimed in the same order, retried at the same times, and
given up after as many tries as those of a webhook (docs/decisions/0048-listeners.md).
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx

from campaign.deliveries import (
    ClaimedDelivery,
    DeliveryOutcome,
    DeliveryUpdate,
    DeliveryVerdict,
    update_after,
)
from campaign.failures import StoreUnavailable
from campaign.instants import SECOND, Instant
from store.clock import wall_clock
from store.store import Store
from telemetry.logs import get_logger
from webhooks.rendering import EventRenderer
from webhooks.sender import PreparedCall, classify_answer, prepare

log = get_logger("godwit.webhooks")

CALLS_MAX = 8
# The client makes the calls one after the other, each within fifteen seconds.
CALL_SECONDS = 15.0
LEASE: Instant = round((CALLS_MAX + 1) * CALL_SECONDS * SECOND)
LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class ForwardedCall:
    """What a client reports of a delivery: the HTTP status, or None without an answer."""

    id: str
    tries: int
    status: int | None


@dataclass(frozen=True, slots=True)
class FetchedCall:
    """A delivery for a client to make; ``tries`` includes this one."""

    id: str
    tries: int
    prepared: PreparedCall


class Listening:
    """Hands the deliveries of listeners to their clients."""

    def __init__(self, store: Store, renderers: Mapping[str, EventRenderer]) -> None:
        self._store = store
        self._renderers = renderers

    async def exchange(
        self,
        listener_id: str,
        reports: Sequence[ForwardedCall],
        wait_seconds: float,
        is_gone: Callable[[], Awaitable[bool]],
    ) -> Sequence[FetchedCall]:
        """Store what a client reports, then claim up to ``CALLS_MAX`` deliveries for it.

        Waits up to ``wait_seconds`` for one to be due; claims none for a client that ``is_gone``.
        A report counts while its delivery is claimed, so a second run changes nothing. Deliveries
        that a lost client had claimed are due again after ``LEASE``.
        """
        until = time.monotonic() + wait_seconds
        fetched = await asyncio.to_thread(self._flush_and_claim, listener_id, reports)
        while not fetched and time.monotonic() < until:
            await asyncio.sleep(LOOK_SECONDS)
            due_at = await asyncio.to_thread(self._store.deliveries.next_due, listener_id)
            if due_at is None or due_at > wall_clock():
                continue
            if await is_gone():
                break
            fetched = await asyncio.to_thread(self._flush_and_claim, listener_id, ())
        return fetched

    def _flush_and_claim(
        self, listener_id: str, reports: Sequence[ForwardedCall]
    ) -> Sequence[FetchedCall]:
        now = wall_clock()
        updates = [_update(report, now) for report in reports]
        claimed = self._mark_and_claim(listener_id, updates, CALLS_MAX, now)
        fetched, failed = [], []
        for call in claimed:
            try:
                prepared = prepare(self._store.events, self._renderers, call.callback_id, now)
            except StoreUnavailable:
                raise
            except Exception as error:
                # The error's text may quote what it stumbled over.
                log.error(
                    "callback_not_rendered", callback=call.callback_id, error=type(error).__name__
                )
                outcome = DeliveryOutcome(DeliveryVerdict.FAILED, "not_rendered")
                failed.append(update_after(call, outcome, now, random.random()))
                continue
            if prepared is None:
                outcome = DeliveryOutcome(DeliveryVerdict.NOTHING, "nothing")
                failed.append(update_after(call, outcome, now, random.random()))
            else:
                fetched.append(FetchedCall(call.callback_id, call.tries, prepared))
        if failed:
            self._mark_and_claim(listener_id, failed, 0, now)
        return fetched

    def _mark_and_claim(
        self, listener_id: str, updates: Sequence[DeliveryUpdate], count: int, now: Instant
    ) -> Sequence[ClaimedDelivery]:
        # The token is the id of the listener: each of its clients may report what another fetched.
        return self._store.deliveries.flush_and_claim(
            listener_id, listener_id, updates, count, now, now + LEASE
        )


def _update(report: ForwardedCall, now: Instant) -> DeliveryUpdate:
    if report.status is None:
        outcome = DeliveryOutcome(DeliveryVerdict.FAILED, "no_answer")
    else:
        outcome = classify_answer(httpx.Response(report.status), now)
    return update_after(ClaimedDelivery(report.id, report.tries), outcome, now, random.random())
