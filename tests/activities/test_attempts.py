"""One message on its way: when its first byte may leave, and when a carrier's no is believed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from activities.attempts import START_WITHIN, Attempts, SendingLimits
from activities.breaker import Breaker
from activities.carriers import Carriers
from campaign.failures import DoubtfulHandoff, NotStarted, TemporaryFailure
from campaign.handoffs import Acceptance, EarlierTry, Handoff, Repeats
from campaign.instants import DAY, SECOND, Instant
from campaign.ports import ChunkRange, HealthStore, Outcome, SendingStore
from campaign.retry import NOT_ACCEPTED
from campaign.states import MessageStatus
from tests.core.leaping import LeapingLoop, Time

TIMEOUT_SECONDS = 10.0
DEADLINE: Instant = 10 * SECOND


class FakeStore:
    """Renews every lease, and counts how often."""

    def __init__(self) -> None:
        self.renewed = 0

    def renew(self, *_: object) -> bool:
        self.renewed += 1
        return True

    def wants_nothing(self, *_: object) -> bool:
        return False

    def brake(self, *_: object) -> None:
        """Nothing is held back."""

    def restore(self, carrier: str) -> None:
        """A carrier answers again."""


class FakeCarrier:
    """Accepts ``accepts_after`` milliseconds after the first byte; its answers may break."""

    name = "fake"
    repeats = Repeats.LOOKUP

    def __init__(self, loop: LeapingLoop) -> None:
        self.loop = loop
        self.accepted: dict[str, list[Instant]] = {}
        self.accepts_after: Instant | None = 0
        self.breaks = self.away = False
        self.connecting: Instant = 0
        self.looked_up: list[Instant] = []

    async def send(self, handoff: Handoff) -> Acceptance:
        await asyncio.sleep(self.connecting / SECOND)
        if not handoff.may_start():
            raise NotStarted
        if self.accepts_after is not None:
            at = self.loop.now() + self.accepts_after
            self.accepted.setdefault(handoff.reference, []).append(at)
        if self.breaks:
            raise DoubtfulHandoff("connection_lost")
        return Acceptance("c-1")

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        if self.away:
            raise TemporaryFailure("unavailable")
        self.looked_up.append(self.loop.now())
        accepted = self.accepted.get(handoff.reference, [])
        return Acceptance("c-1") if any(at <= self.loop.now() for at in accepted) else None

    async def close(self) -> None:
        pass


class World:
    """One chunk's attempts with a carrier, on a loop whose waits cost nothing."""

    def __init__(self) -> None:
        self.loop = LeapingLoop(Time(1_000 * SECOND))
        self.carrier = FakeCarrier(self.loop)
        self.store = FakeStore()
        self.attempts = Attempts(
            store=cast(SendingStore, self.store),
            carriers=Carriers([self.carrier]),
            breaker=Breaker(cast(HealthStore, self.store)),
            limits=SendingLimits(8, TIMEOUT_SECONDS, (1.0, 1.0), 3),
            range=ChunkRange("cmp_1", 0, 10, 0),
            token="me",
            now=self.loop.now,
            stop=asyncio.Event(),
        )

    def handoff(self, **fields: Any) -> Handoff:
        base = {"carrier": "fake", "attempted_at": self.loop.now(), **fields}
        return Handoff(0, 1, "msg_1", "+1", "+2", "hi", None, 1, **base)

    def run(self, act: Callable[[], Awaitable[Outcome | None]]) -> Outcome | None:
        async def acted() -> Outcome | None:
            return await act()

        try:
            return self.loop.run_until_complete(acted())
        finally:
            self.loop.close()


@pytest.fixture
def world() -> World:
    return World()


def test_a_worker_that_froze_before_the_first_byte_sends_nothing_when_it_wakes(
    world: World,
) -> None:
    handoff = world.handoff(start_at=world.loop.now() + SECOND // 2)

    async def frozen() -> Outcome | None:
        sending = asyncio.ensure_future(
            world.attempts.send(handoff, world.loop.now() + START_WITHIN)
        )
        await asyncio.sleep(0.1)  # It waits for its instant by a rate.
        world.loop.freeze(25)
        return await sending

    outcome = world.run(frozen)
    assert outcome is not None and outcome.status is MessageStatus.RETRYABLE
    assert outcome.code == "not_started" and world.carrier.accepted == {}


def test_a_worker_that_froze_while_it_connected_sends_nothing_when_it_wakes(world: World) -> None:
    world.carrier.connecting = 25 * SECOND
    by = world.loop.now() + START_WITHIN
    outcome = world.run(lambda: world.attempts.send(world.handoff(), by))
    assert outcome is not None and outcome.code == "not_started" and world.carrier.accepted == {}
    assert not world.attempts.breaker.is_down("fake")


@pytest.mark.parametrize("after", [0, 2 * SECOND, DEADLINE])
def test_a_message_that_was_accepted_late_is_found_and_not_sent_again(
    world: World, after: Instant
) -> None:
    world.carrier.breaks, world.carrier.accepts_after = True, after
    by = world.loop.now() + START_WITHIN
    outcome = world.run(lambda: world.attempts.send(world.handoff(), by))
    assert outcome is not None and outcome.status is MessageStatus.SENT


def test_a_denial_is_believed_only_after_the_deadline_of_the_exchange(world: World) -> None:
    world.carrier.breaks, world.carrier.accepts_after = True, None
    began = world.loop.now()
    outcome = world.run(lambda: world.attempts.send(world.handoff(), began + START_WITHIN))
    assert outcome is not None and outcome.status is MessageStatus.RETRYABLE
    assert outcome.code == NOT_ACCEPTED and outcome.at >= began + DEADLINE
    assert world.carrier.looked_up[-1] >= began + DEADLINE


def test_a_worker_that_stops_before_the_deadline_leaves_the_message_to_the_next(
    world: World,
) -> None:
    world.carrier.breaks, world.carrier.accepts_after = True, None

    async def stopped() -> Outcome | None:
        by = world.loop.now() + START_WITHIN
        sending = asyncio.ensure_future(world.attempts.send(world.handoff(), by))
        await asyncio.sleep(1)
        assert world.attempts.parked == 1
        world.attempts.stop.set()
        return await sending

    assert world.run(stopped) is None and world.attempts.parked == 0


def test_a_message_that_was_denied_before_is_looked_up_once_more_before_it_is_sent(
    world: World,
) -> None:
    now = world.loop.now()
    world.carrier.accepted["msg_1"] = [now]
    again = world.handoff(earlier=(EarlierTry("fake", now - 60 * SECOND),))
    outcome = world.run(lambda: world.attempts.send(again, now + START_WITHIN))
    assert outcome is not None
    assert (outcome.status, outcome.carrier) == (MessageStatus.SENT, "fake")
    assert world.carrier.accepted == {"msg_1": [now]}


def test_a_message_that_is_denied_again_is_sent_under_a_new_lease(world: World) -> None:
    now = world.loop.now()
    again = world.handoff(earlier=(EarlierTry("fake", now), EarlierTry("gone", now)))
    outcome = world.run(lambda: world.attempts.send(again, now + START_WITHIN))
    assert outcome is not None and outcome.status is MessageStatus.SENT
    assert world.store.renewed == 1 and len(world.carrier.accepted["msg_1"]) == 1


def test_a_carrier_that_drops_repeats_is_not_asked_before_a_try(world: World) -> None:
    world.carrier.repeats = Repeats.DEDUP
    now = world.loop.now()
    first = world.handoff(earlier=(EarlierTry("fake", now),))
    outcome = world.run(lambda: world.attempts.send(first, now + START_WITHIN))
    assert outcome is not None and outcome.status is MessageStatus.SENT
    assert world.store.renewed == 0 and world.carrier.looked_up == []


def test_a_message_that_nobody_can_look_up_is_put_off_and_not_sent(world: World) -> None:
    world.carrier.away = True
    now = world.loop.now()
    again = world.handoff(earlier=(EarlierTry("fake", now),))
    outcome = world.run(lambda: world.attempts.send(again, now + START_WITHIN))
    assert outcome is not None and outcome.status is MessageStatus.RETRYABLE
    assert world.carrier.accepted == {}


class ForgetfulCarrier(FakeCarrier):
    """Recognises a repeat for a day."""

    repeats = Repeats.DEDUP
    dedup_window: Instant = DAY


@pytest.mark.parametrize(
    "age, repeated", [(0, True), (DAY - DEADLINE - SECOND, True), (DAY - DEADLINE, False)]
)
def test_a_message_in_doubt_is_repeated_only_while_the_carrier_remembers_it(
    world: World, age: Instant, repeated: bool
) -> None:
    carrier = ForgetfulCarrier(world.loop)
    world.attempts.carriers = Carriers([carrier])
    handoff = world.handoff(attempted_at=world.loop.now() - age)
    outcome = world.run(lambda: world.attempts.resolve_unknown(handoff, "interrupted"))
    assert outcome is not None
    assert ("msg_1" in carrier.accepted) is repeated
    wanted = MessageStatus.SENT if repeated else MessageStatus.UNKNOWN
    assert (outcome.status, outcome.code) == (wanted, None if repeated else "interrupted")


def test_no_byte_leaves_when_the_hours_of_the_campaign_have_ended(world: World) -> None:
    closes = world.loop.now() + SECOND
    world.carrier.connecting = 2 * SECOND
    handoff = world.handoff(leave_by=closes)
    by = world.loop.now() + START_WITHIN
    outcome = world.run(lambda: world.attempts.send(handoff, by))
    assert outcome is not None and outcome.status is MessageStatus.RETRYABLE
    assert outcome.code == "not_started" and world.carrier.accepted == {}
    # It is not put off for long: the next claim finds out when it may leave.
    assert outcome.due_at == world.loop.now()


def test_a_message_in_doubt_is_not_repeated_after_the_hours(world: World) -> None:
    world.carrier.breaks, world.carrier.repeats = True, Repeats.DEDUP
    world.carrier.connecting = SECOND
    handoff = world.handoff(leave_by=world.loop.now() + 3 * SECOND // 2)
    by = world.loop.now() + START_WITHIN
    outcome = world.run(lambda: world.attempts.send(handoff, by))
    assert outcome is not None and outcome.status is MessageStatus.UNKNOWN
    assert len(world.carrier.accepted["msg_1"]) == 1
