"""The pretend carrier's protocol: what another server must do to stand in for it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import httpx
import pytest

from campaign.handoffs import Repeats
from carriers import pretend_server
from tests.conftest import Served, serve_carrier

ORDINARY = "+14155551234"
ROW = {"n", "reference", "from", "to", "at"}
Json = dict[str, Any]


@dataclass
class Caller:
    """A client of a served carrier that knows its protocol."""

    http: httpx.AsyncClient
    served: Served

    async def send(self, to: str = ORDINARY, reference: str = "m-1") -> httpx.Response:
        """Hand a message over."""
        return await self.http.post("/messages", json=message(to, reference))

    async def look_up(self, reference: str) -> httpx.Response:
        """Ask for a reference."""
        return await self.http.get("/messages", params={"reference": reference})

    async def log(self, after: int = 0) -> list[Json]:
        """The accepted sends after a number."""
        answer = await self.http.get("/log", params={"after": after})
        assert answer.status_code == 200
        rows: list[Json] = answer.json()
        return rows


@asynccontextmanager
async def egress(repeats: Repeats = Repeats.DEDUP) -> AsyncIterator[Caller]:
    async with serve_carrier(repeats) as served:
        async with httpx.AsyncClient(base_url=served.base_url, timeout=10, trust_env=False) as http:
            yield Caller(http, served)


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    async with egress() as called:
        yield called


def message(to: str = ORDINARY, reference: str = "m-1") -> Json:
    return {
        "reference": reference,
        "from": "+18005559876",
        "to": to,
        "body": "Your order has shipped \u2764",
        "mediaUrl": None,
        "segments": 1,
    }


# --------------------------------------------------------------------------- accepted


async def test_an_accepted_message_is_answered_201_with_an_id_and_its_status(
    caller: Caller,
) -> None:
    answer = await caller.send()
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    accepted = answer.json()
    assert set(accepted) == {"id", "status"} and accepted["status"] == "accepted"
    assert isinstance(accepted["id"], str) and accepted["id"]


async def test_the_log_has_a_row_for_each_accepted_send_in_order(caller: Caller) -> None:
    began = datetime.now(UTC)
    for number in range(5):
        await caller.send(f"+1415555100{number}", f"m-{number}")
    rows = await caller.log()
    assert [set(row) for row in rows] == [ROW] * 5
    assert [row["n"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["reference"] for row in rows] == [f"m-{number}" for number in range(5)]
    assert [row["to"] for row in rows] == [f"+1415555100{number}" for number in range(5)]
    assert {row["from"] for row in rows} == {"+18005559876"}
    moments = [datetime.fromisoformat(row["at"]) for row in rows]
    assert moments == sorted(moments)
    assert (moments[0] - began).total_seconds() > -1 and moments[0].tzinfo is not None


async def test_the_log_begins_after_the_number_that_was_asked_for(caller: Caller) -> None:
    for number in range(5):
        await caller.send(reference=f"m-{number}")
    assert [row["n"] for row in await caller.log(3)] == [4, 5]
    assert await caller.log(5) == await caller.log(10**17) == []
    whole = (await caller.http.get("/log")).json()
    assert whole == await caller.log(0)


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "\u00b2", "\u0661", "9" * 5_000, "1 2"])
async def test_a_log_that_cannot_be_asked_for_is_refused(caller: Caller, after: str) -> None:
    answer = await caller.http.get("/log", params={"after": after})
    assert (answer.status_code, answer.json()) == (400, {"error": "malformed"})
    assert await caller.log() == []


async def test_a_reference_can_be_looked_up(caller: Caller) -> None:
    odd = "m 1&reference=m-2/\u00e9+%"
    assert (await caller.look_up(odd)).json() == []
    accepted = (await caller.send(reference=odd)).json()
    found = await caller.look_up(odd)
    assert (found.status_code, found.json()) == (200, [accepted])
    assert (await caller.look_up("m-2")).json() == []
    assert (await caller.http.get("/messages")).json() == []


# --------------------------------------------------------------------------- repeats


async def test_a_carrier_that_dedups_answers_the_first_acceptance_again() -> None:
    async with egress(Repeats.DEDUP) as caller:
        first, second = await caller.send(), await caller.send("+14155550001")
        assert first.json() == second.json() and second.status_code == 201
        assert len(await caller.log()) == len((await caller.look_up("m-1")).json()) == 1


async def test_a_carrier_with_lookup_accepts_again_and_tells_of_both() -> None:
    async with egress(Repeats.LOOKUP) as caller:
        first, second = await caller.send(), await caller.send()
        assert first.json()["id"] != second.json()["id"]
        assert (await caller.look_up("m-1")).json() == [first.json(), second.json()]
        assert len(await caller.log()) == 2


async def test_a_carrier_without_either_accepts_again_and_cannot_be_asked() -> None:
    async with egress(Repeats.NONE) as caller:
        first, second = await caller.send(), await caller.send()
        assert first.json()["id"] != second.json()["id"]
        refused = await caller.look_up("m-1")
        assert (refused.status_code, refused.json()) == (404, {"error": "not_supported"})
        assert len(await caller.log()) == 2


@pytest.mark.parametrize("repeats", Repeats)
async def test_two_at_once_under_one_reference_count_as_the_mode_says(
    repeats: Repeats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretend_server, "SLOW_SECONDS", 0.2)
    async with egress(repeats) as caller:
        answers = await asyncio.gather(*(caller.send("+14155550006") for _ in range(4)))
        assert {answer.status_code for answer in answers} == {201}
        once = repeats is Repeats.DEDUP
        assert len(await caller.log()) == (1 if once else 4)
        assert len({answer.json()["id"] for answer in answers}) == (1 if once else 4)


# --------------------------------------------------------------------------- magic numbers


async def test_0001_is_refused_for_good(caller: Caller) -> None:
    for _ in range(2):
        answer = await caller.send("+14155550001")
        assert (answer.status_code, answer.json()) == (422, {"error": "invalid_number"})
    assert await caller.log() == []


@pytest.mark.parametrize(
    "to",
    [
        "+447900000001",
        "+447911120003",
        "+447700910001",
        "+447700900008",
        "+447700901001",
        "+61488000001",
        "+61491571001",
        "+14155560001",
        "+11155550001",
        "+491715550001",
        "+141555500011",
        "14155550001",
    ],
)
async def test_a_number_outside_of_the_ranges_for_fiction_is_ordinary(
    caller: Caller, to: str
) -> None:
    answer = await caller.send(to)
    assert (answer.status_code, answer.json()["status"]) == (201, "accepted")


@pytest.mark.parametrize("to", ["+12125550001", "+447700900001", "+61491570001"])
async def test_each_range_for_fiction_has_the_endings(caller: Caller, to: str) -> None:
    assert (await caller.send(to)).status_code == 422
    assert (await caller.send(to[:-1] + "5")).status_code == 429
    assert (await caller.send(to[:-1] + "8")).status_code == 201


async def test_0002_is_unavailable_once_and_then_accepted(caller: Caller) -> None:
    assert (await caller.send("+14155550002")).status_code == 503
    assert await caller.log() == []
    assert (await caller.send("+14155550002")).status_code == 201
    assert (await caller.send("+14155550002", "m-2")).status_code == 503
    assert len(await caller.log()) == 1


async def test_0003_is_accepted_but_never_answered(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretend_server, "SILENCE_SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(httpx.RemoteProtocolError):
        await caller.send("+14155550003")
    assert time.monotonic() - began >= 0.5
    assert [row["to"] for row in await caller.log()] == ["+14155550003"]
    assert (await caller.send("+14155550003")).status_code == 201
    assert len(await caller.log()) == 1


async def test_0004_is_accepted_and_the_connection_cut(caller: Caller) -> None:
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await caller.send("+14155550004")
    accepted = await caller.send("+14155550004")
    assert (await caller.look_up("m-1")).json() == [accepted.json()]
    assert len(await caller.log()) == 1


async def test_0005_is_told_to_wait_two_seconds_once_and_then_accepted(caller: Caller) -> None:
    answer = await caller.send("+14155550005")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    assert (await caller.send("+14155550005")).status_code == 201
    assert len(await caller.log()) == 1


async def test_0006_is_answered_after_three_seconds(caller: Caller) -> None:
    began = time.monotonic()
    answer = await caller.send("+14155550006")
    assert answer.status_code == 201 and 3.0 <= time.monotonic() - began < 20
    assert len(await caller.log()) == 1


async def test_a_slow_answer_keeps_nobody_else_waiting(caller: Caller) -> None:
    numbers = count(1)
    slow = asyncio.create_task(caller.send("+14155550006", "slow"))
    for _ in range(20):
        assert (await caller.send(reference=f"m-{next(numbers)}")).status_code == 201
    assert not slow.done()
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)


@pytest.mark.parametrize("repeats", [Repeats.LOOKUP, Repeats.NONE])
@pytest.mark.parametrize("digits", ["0003", "0004"])
async def test_a_known_reference_is_accepted_again_and_answered(
    repeats: Repeats, digits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretend_server, "SILENCE_SECONDS", 0.0)
    async with egress(repeats) as caller:
        with pytest.raises(httpx.TransportError):
            await caller.send(f"+1415555{digits}")
        assert (await caller.send(f"+1415555{digits}")).status_code == 201
        assert len(await caller.log()) == 2
