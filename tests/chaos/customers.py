"""Customers in the arena: they post campaigns with keys, ask again when in doubt, and steer.

Every order that was answered is kept with its times, so that it can be held against what was sent.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.chaos.arena import SystemUnderTest

# Faults that follow each other keep a campaign from its verdict for more than a minute.
PATIENCE_SECONDS = 180.0
CANARY_NUMBER = "+14155557321"
# A word that is in every text and in nothing else, so that a text is found wherever it leaked.
CANARY_TEXT = "parcel"
SENDER = "+18005559876"
# This one has a rate.
SLOW_SENDER = "72345"
# Misfortunes by the number's last digits, a few in each campaign; 0001 fails for good.
ODD = ("0001", "0002", "0003", "0004", "0005", "0006")
ENDS = {"finished", "finished_with_failures", "cancelled"}
ORDERS_KEPT_SECONDS = (11.0, 16.0)


@dataclass(frozen=True)
class Order:
    """An order that was answered: between ``asked_at`` and ``answered_at`` it took effect.

    Both are milliseconds since 1970. ``value`` is the rate, the start as an ISO 8601 text, or the
    attempts of each message that a retry is to send again.
    """

    verb: str
    asked_at: int
    answered_at: int
    value: Any = None


@dataclass
class Posted:
    """A campaign that was accepted, and the orders for it that were answered, oldest first."""

    id: str
    people: int
    orders: list[Order] = field(default_factory=list)

    def last(self, *verbs: str) -> Order | None:
        """The latest order of these kinds."""
        return next((order for order in reversed(self.orders) if order.verb in verbs), None)


@dataclass
class Customers:
    """What was asked for, and what was answered."""

    arena: SystemUnderTest
    rng: random.Random
    sizes: tuple[int, int]
    posted: dict[str, Posted] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    revived: int = 0
    _count: int = 0
    _people: int = 0

    async def buy(self, stop: asyncio.Event) -> None:
        """Post campaign after campaign, each with a life of its own, until ``stop``."""
        lives: tuple[Callable[[Posted], Awaitable[None]], ...] = (
            self._leave_alone,
            self._slow_down,
            self._pause_and_resume,
            self._leave_alone,
            self._pause,
            self._slow_down,
            self._cancel,
            self._move,
        )
        while not stop.is_set():
            number, self._count = self._count, self._count + 1
            live = lives[number % len(lives)]
            posted = await self.post(self._campaign(number, live == self._move))
            if live == self._leave_alone or not stop.is_set():
                await live(posted)
            await self._wait(posted, stop)

    def _campaign(self, number: int, waits: bool) -> dict[str, Any]:
        """A campaign of people nobody had before, but for some odd ones."""
        recipients = []
        for index in range(self.rng.randint(*self.sizes)):
            exchange, line = divmod(self._people, 9_000)
            self._people += 1
            to = f"+1415{200 + exchange}{1_000 + line}"
            recipient: dict[str, Any] = {"to": to, "text": f"Campaign {number}, parcel {index}"}
            if index % 5 == 0:
                recipient["idempotencyKey"] = f"key-{number}-{index}"
            if index % 25 == 0:
                recipient["mediaUrl"] = "https://example.com/parcel.jpg"
            recipients.append(recipient)
        recipients[0]["to"] = CANARY_NUMBER
        recipients += [{"to": f"+1415555{odd}", "text": "Odd parcel"} for odd in ODD]
        self.numbers.update(recipient["to"] for recipient in recipients)
        self.rng.shuffle(recipients)
        sender = SLOW_SENDER if number % 4 == 1 else SENDER
        body = {"sender": sender, "recipients": recipients, "idempotencyKey": f"chaos-{number}"}
        if waits:
            return body | {"scheduleDateTime": self._start(12, 20)}
        return body | ({"spreadHours": 0.003} if number % 4 == 3 else {})

    async def post(self, body: dict[str, Any]) -> Posted:
        """Post a campaign until it is accepted; after an unclear answer again, with its key."""
        answer, _, _ = await self._ask("POST", "/v1/campaigns", json=body)
        assert answer.status_code in (200, 201), f"refused: {answer.text[:2_000]}"
        posted = Posted(answer.json()["id"], len(body["recipients"]))
        self.posted[posted.id] = posted
        return posted

    async def order(
        self, posted: Posted, verb: str, value: Any = None, body: Any = None
    ) -> httpx.Response:
        """Give an order until it is answered; a campaign that has ended is left alone."""
        path = f"/v1/campaigns/{posted.id}"
        if body is None:
            answer, asked, answered = await self._ask("POST", f"{path}/{verb}")
        else:
            answer, asked, answered = await self._ask("PATCH", path, json=body)
        assert answer.status_code in (200, 202, 409), answer.text
        if answer.status_code != 409:
            posted.orders.append(Order(verb, asked, answered, value))
        return answer

    async def retry(self, posted: Posted) -> bool:
        """Have everything sent again that failed for a temporary reason; False if nothing did."""
        failed = await self._failed(posted)
        return (await self.order(posted, "retry", failed)).status_code == 202

    async def get(self, path: str) -> Any:
        """Get a route until it answers."""
        answer, _, _ = await self._ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    # ------------------------------------------------------------------ lives of campaigns

    async def _leave_alone(self, posted: Posted) -> None:
        pass

    async def _slow_down(self, posted: Posted) -> None:
        """Set a rate, change it amid the sends, and take it away."""
        for rate in (posted.people / 25, posted.people / 10, None):
            await self._change(posted, "rate", rate)
            if rate is not None:
                await asyncio.sleep(self.rng.uniform(5, 9))

    async def _pause_and_resume(self, posted: Posted) -> None:
        await self._pause(posted)
        await asyncio.sleep(self.rng.uniform(*ORDERS_KEPT_SECONDS))
        await self.order(posted, "resume")

    async def _pause(self, posted: Posted) -> None:
        await asyncio.sleep(self.rng.uniform(0, 1.5))
        await self.order(posted, "pause")

    async def _cancel(self, posted: Posted) -> None:
        if self.rng.random() < 0.5:
            await self._pause(posted)
        await asyncio.sleep(self.rng.uniform(0, 1.5))
        await self.order(posted, "cancel")

    async def _move(self, posted: Posted) -> None:
        """Give it another start, later or sooner, and a rate with it."""
        await asyncio.sleep(self.rng.uniform(0, 4))
        await self._change(posted, "scheduleDateTime", self._start(10, 25))

    async def _change(self, posted: Posted, member: str, value: Any) -> None:
        verb = "reschedule" if member == "scheduleDateTime" else member
        await self.order(posted, verb, value, {member: value})

    async def _wait(self, posted: Posted, stop: asyncio.Event) -> None:
        """Wait until a campaign has nothing to send, at most for some time."""
        deadline = time.monotonic() + self.rng.uniform(10, 20)
        while time.monotonic() < deadline and not stop.is_set():
            campaign = await self.get(f"/v1/campaigns/{posted.id}")
            counts = campaign["counts"]
            if counts["queued"] + counts["retryable"] + counts["sending"] == 0:
                return
            control = posted.last("pause", "resume", "cancel")
            if control is not None and control.verb == "pause":
                return
            await self.resume_if_revived(posted, campaign)
            await asyncio.sleep(0.5)

    async def resume_if_revived(self, posted: Posted, campaign: dict[str, Any]) -> None:
        """Resume what the system has paused because its workflow was lost."""
        if campaign["status"] == "paused" and campaign["pausedBy"] == "system":
            self.revived += 1
            await self.order(posted, "resume")

    async def _failed(self, posted: Posted) -> dict[str, int]:
        path = f"/v1/campaigns/{posted.id}/messages?status=failed&limit=500"
        messages = (await self.get(path))["messages"]
        return {
            message["id"]: message["attempts"]
            for message in messages
            if not message["to"].endswith(ODD[0])
        }

    def _start(self, soonest: float, latest: float) -> str:
        start = datetime.now(UTC) + timedelta(seconds=self.rng.uniform(soonest, latest))
        return start.isoformat(timespec="milliseconds")

    async def _ask(self, method: str, path: str, **request: Any) -> tuple[httpx.Response, int, int]:
        """Ask until there is an answer that is not "later"; with when it was asked and answered.

        A part that stays away is a failure.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        asked, said = now(), "nothing"
        while time.monotonic() < deadline:
            try:
                answer = await self.arena.api.request(method, path, **request)
            except httpx.TransportError as error:
                said = repr(error)
            else:
                if answer.status_code < 500:
                    return answer, asked, now()
                assert answer.status_code == 503, f"{method} {path}: {answer.text}"
                said = answer.text
            await asyncio.sleep(0.3)
        raise AssertionError(f"{method} {path} was not answered: {said}")


def now() -> int:
    """The time of this process, whose clock nobody steps, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
