"""Mend what was left behind: lost workflows, drafts without a verdict, deliveries nobody makes."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping

from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.instants import DAY, SECOND, Instant, iso
from campaign.settings import Settings
from campaign.states import CampaignStatus
from service.campaigns import CampaignService
from store.campaigns.drafts import KEPT as DRAFTS_KEPT
from store.shared.brakes import Stop
from store.store import Store
from telemetry.logs import get_logger
from telemetry.metrics import RECONCILER_ACTIONS, RECONCILER_FAILURES
from webhooks.dispatcher import WebhookDispatcher

log = get_logger("godwit.reconciler")

ROUND_SECONDS = 5.0
ROUNDS_A_MINUTE = 12
# Where many campaigns are open, a look for lost workflows takes so much of the time at most; but a
# minute is the longest between two.
LOOKING_SHARE = 1 / 50
LOOK_SECONDS_MAX = 60.0
PAGE = 500
# How much longer than its own waiting an API process may take over a verdict.
PATIENCE_SECONDS = 60.0
# Deliveries that have waited for longer than this may have no workflow.
OVERDUE_AFTER: Instant = 30 * SECOND
# How long callbacks can be replayed, and how many are forgotten in one transaction.
CALLBACKS_KEPT: Instant = 14 * DAY
FORGOTTEN_AT_ONCE = 5_000
# How many messages are removed in one transaction.
MESSAGES_AT_ONCE = 500
# How many texts are removed in one transaction, and the pause after each for other writers.
TEXTS_AT_ONCE = 500
PAUSE_SECONDS = 0.05


class Reconciler:
    """Runs beside the API; several at once do no harm, since every step is safe to repeat."""

    def __init__(
        self,
        service: CampaignService,
        store: Store,
        settings: Settings,
        dispatcher: WebhookDispatcher | None = None,
    ) -> None:
        self._service = service
        self._dispatcher = dispatcher
        self._store = store
        self._keep_messages = settings.keep_messages_days * DAY
        self._keep_texts = settings.keep_texts_days * DAY
        self._keep_inbound = settings.keep_inbound_days * DAY
        self._keep_activity = settings.keep_activity_days * DAY
        self._stops: Mapping[str, Stop] = {}
        self._stuck: set[str] = set()
        self._looks_at = 0.0
        self._suppress_after = settings.suppress_after_failures
        self._patience = round((settings.admission_timeout_seconds + PATIENCE_SECONDS) * SECOND)

    async def run(self) -> None:
        """Look after everything until cancelled; removals take long, and hold up nothing else."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look_after())
            group.create_task(self._remove())

    async def _remove(self) -> None:
        while True:
            await self._try(self.remove_old_messages)
            await asyncio.sleep(ROUND_SECONDS * ROUNDS_A_MINUTE)

    async def _look_after(self) -> None:
        """Look for lost workflows and orders every few seconds, for all else each minute."""
        housekeeping = (
            self.withdraw_stale,
            self.restart_deliveries,
            self.forget_deliveries,
            self.remove_old_texts,
            self.suppress_dead_numbers,
            self.log_stuck,
        )
        for number in itertools.count():
            steps: list[Callable[[], Awaitable[object]]] = [
                self.revive_all,
                self.release_campaigns,
                self._service.prepare_all,
                self._service.bring_orders_again,
                self.log_stops,
            ]
            if number % ROUNDS_A_MINUTE == 0:
                steps += housekeeping
            for step in steps:
                await self._try(step)
            await asyncio.sleep(ROUND_SECONDS)

    async def _try(self, step: Callable[[], Awaitable[object]]) -> None:
        """Take a step; one that fails is taken again in its next round and holds up no other."""
        try:
            _count(step.__name__, await step())
        except (ServiceUnavailable, StoreUnavailable) as error:
            RECONCILER_FAILURES.labels(step.__name__).inc()
            log.warning("will look again", step=step.__name__, exc_info=error)
        except Exception as error:
            RECONCILER_FAILURES.labels(step.__name__).inc()
            log.error("unexpected; will look again", step=step.__name__, exc_info=error)

    async def revive_all(self) -> list[str]:
        """Start the workflows of open campaigns that have none; returns their ids.

        Every round where a look is quick, and less often where it takes longer.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        if began < self._looks_at:
            return []
        revived = await self._service.lost.revive_all()
        self._looks_at = began + min((clock() - began) / LOOKING_SHARE, LOOK_SECONDS_MAX)
        return revived

    async def release_campaigns(self) -> int:
        """Order campaigns to go on that are held by no stop any more; returns how many.

        A workflow that meets a stop while it ends may pause its campaign just afterwards.
        """
        now = await asyncio.to_thread(self._store.clock.now)
        return await asyncio.to_thread(self._store.brakes.release, now)

    async def log_stops(self) -> None:
        """Log each stop that is new, and each that has ended, from whatever process it came."""
        stops = {stop.scope: stop for stop in await asyncio.to_thread(self._store.brakes.in_force)}
        for scope, stop in stops.items():
            if scope not in self._stops:
                log.warning(
                    "sending is stopped",
                    scope=scope,
                    since=iso(stop.since),
                    by_operator=stop.by_operator,
                )
        for scope in self._stops.keys() - stops.keys():
            log.warning("a stop has ended", scope=scope)
        self._stops = stops

    async def log_stuck(self) -> None:
        """Log each campaign whose workflow cannot go on, when that begins and when it ends."""
        stuck = set(await self._service.lost.find_stuck())
        for id in stuck - self._stuck:
            log.error("a workflow fails at each task: its workers run other code", campaign=id)
        for id in self._stuck - stuck:
            log.info("a workflow goes on again", campaign=id)
        self._stuck = stuck

    async def withdraw_stale(self) -> int:
        """Refuse drafts whose API process died before their verdict; returns how many."""
        oldest = await asyncio.to_thread(self._store.clock.now) - self._patience
        drafts = await asyncio.to_thread(
            self._store.campaigns.in_states, {CampaignStatus.DRAFT}, "", PAGE
        )
        stale = [view for view in drafts if view.created_at < oldest]
        for view in stale:
            if await self._service.ran_before(view):
                # Its key stays held: to send it again would double what the run has sent.
                log.warning("Temporal has run this draft to its end", campaign=view.id)
            elif await self._service.withdraw(view):
                log.info("a draft got no verdict in time and is withdrawn", campaign=view.id)
        return len(stale)

    async def restart_deliveries(self) -> int:
        """Start the delivery workflow of each overdue destination; returns how many were started.

        The process that wrote them may have died before it started one, and Temporal may have lost
        one in a power cut. A workflow that only rests is not disturbed.
        """
        restarted, after = 0, ""
        before = await asyncio.to_thread(self._store.clock.now) - OVERDUE_AFTER
        while self._dispatcher is not None:
            destinations = await asyncio.to_thread(
                self._store.deliveries.overdue, before, after, PAGE
            )
            await self._dispatcher.signal_all(destinations)
            restarted += len(destinations)
            if len(destinations) < PAGE:
                break
            after = destinations[-1].id
        return restarted

    async def suppress_dead_numbers(self) -> int:
        """Opt out numbers that carriers call dead; returns how many (0 if that is off)."""
        if self._suppress_after == 0:
            return 0
        suppress = self._store.dead_numbers.suppress
        now = await asyncio.to_thread(self._store.clock.now)
        count = await asyncio.to_thread(suppress, self._suppress_after, now)
        if count:
            log.info("numbers that carriers call dead are suppressed", count=count)
        return count

    async def forget_deliveries(self) -> int:
        """Delete callbacks that ended long ago; returns how many."""
        forgotten = 0
        before = await asyncio.to_thread(self._store.clock.now) - CALLBACKS_KEPT
        while True:
            count = await asyncio.to_thread(
                self._store.deliveries.forget, before, FORGOTTEN_AT_ONCE
            )
            forgotten += count
            if count < FORGOTTEN_AT_ONCE:
                return forgotten

    async def remove_old_messages(self) -> int:
        """Remove the messages of campaigns that ended long ago; returns how many steps that took.

        Between two steps it rests for as long as one takes, so that half of the time is for others.
        """
        steps, clock = 0, asyncio.get_running_loop().time
        while self._keep_messages:
            now = await asyncio.to_thread(self._store.clock.now)
            began = clock()
            if not await asyncio.to_thread(
                self._store.removal.remove, now - self._keep_messages, now, MESSAGES_AT_ONCE
            ):
                break
            steps += 1
            await asyncio.sleep(max(PAUSE_SECONDS, clock() - began))
        if steps:
            log.info("messages that are kept no longer are removed", steps=steps)
            await asyncio.to_thread(self._store.retention.scrub)
        return steps

    async def remove_old_texts(self) -> int:
        """Remove what is kept for a limited time; returns how many steps that took."""
        now = await asyncio.to_thread(self._store.clock.now)
        retention, steps = self._store.retention, 0
        removals: list[Callable[[], bool]] = [
            lambda: self._store.drafts.remove_untouched(now - DRAFTS_KEPT)
        ]
        if self._keep_texts:
            before = now - self._keep_texts
            removals.append(lambda: retention.remove_texts(before, now, TEXTS_AT_ONCE))
        if self._keep_inbound:
            since = now - self._keep_inbound
            removals.append(lambda: retention.remove_inbound(since, TEXTS_AT_ONCE))
        if self._keep_activity:
            until = now - self._keep_activity
            removals.append(lambda: self._store.activities.remove(until, TEXTS_AT_ONCE))
        for remove in removals:
            while await asyncio.to_thread(remove):
                steps += 1
                await asyncio.sleep(PAUSE_SECONDS)
        if steps:
            await asyncio.to_thread(retention.scrub)
        return steps


def _count(step: str, done: object) -> None:
    """Count what a step did, if it says so: a number, or the ids of what it changed."""
    number = done if isinstance(done, int) else len(done) if isinstance(done, list) else 0
    if number:
        RECONCILER_ACTIONS.labels(step).inc(number)
