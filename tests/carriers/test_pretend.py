"""The client of the pretend carrier: what it sends, and what it makes of every answer."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from campaign.failures import (
    CarrierFailure,
    DoubtfulHandoff,
    PermanentFailure,
    TemporaryFailure,
)
from campaign.handoffs import Acceptance, Handoff, Repeats
from campaign.settings import Settings
from carriers import CARRIERS, LOCAL_SERVERS, UnknownCarrier, open_carrier
from carriers.pretend import PretendCarrier, PretendSettings
from tests.carriers.servers import Call, Play, free_port, serving
from tests.conftest import serve_carrier

PATIENCE = 10.0
UNREADABLE = "answer_unreadable"
# What stands where an id should be.
NO_IDS = {
    "missing": "{}",
    "null": '{"id":null}',
    "a number": '{"id":17}',
    "empty": '{"id":""}',
    "201 characters": json.dumps({"id": "a" * 201}),
    "a NUL": '{"id":"pretend\\u0000"}',
    "half a surrogate pair": '{"id":"\\ud83d"}',
    "an object": '{"id":{"id":"pretend-1"}}',
    "a list for an object": '["pretend-1"]',
    "a text for an object": '"pretend-1"',
    "a number for an object": "1",
    "false for an object": "false",
}


def handoff(to: str = "+14155551234", reference: str = "m-1") -> Handoff:
    return Handoff(0, 1, reference, "GODWIT", to, "Caf\u00e9 \U0001f4e6 \ud83d", None, 2)


@asynccontextmanager
async def client(base_url: str, seconds: float = PATIENCE) -> AsyncIterator[PretendCarrier]:
    carrier = PretendCarrier(PretendSettings(base_url=base_url), seconds)
    try:
        yield carrier
    finally:
        await carrier.close()


def saying(status: int, body: str) -> Play:
    async def play(call: Call) -> None:
        await call.answer(status, body.encode())

    return play


async def hang(call: Call) -> None:
    await call.hang()


async def reset(call: Call) -> None:
    call.reset()


# --------------------------------------------------------------------------- sending


async def test_a_message_is_posted_with_exactly_the_six_members() -> None:
    async with serving(saying(201, '{"id":"pretend-9","status":"accepted"}')) as stub:
        async with client(stub.base_url) as carrier:
            mms = Handoff(3, 2, "m-3", "72345", "+14155551234", "Hi", "https://example.com/a", 1)
            assert await carrier.send(mms) == Acceptance("pretend-9")
            assert await carrier.send(handoff()) == Acceptance("pretend-9")
        first, second = (json.loads(call.body) for call in stub.calls)
        assert stub.calls[0].head.startswith(b"POST /messages HTTP/1.1\r\n")
    assert first == {
        "reference": "m-3",
        "from": "72345",
        "to": "+14155551234",
        "body": "Hi",
        "mediaUrl": "https://example.com/a",
        "segments": 1,
    }
    assert set(second) == set(first) and second["mediaUrl"] is None
    assert second["body"] == "Caf\u00e9 \U0001f4e6 \ud83d"


@pytest.mark.parametrize("answer", NO_IDS.values(), ids=NO_IDS)
async def test_an_acceptance_without_an_id_leaves_doubt(answer: str) -> None:
    async with serving(saying(201, answer)) as stub, client(stub.base_url) as carrier:
        with pytest.raises(DoubtfulHandoff) as caught:
            await carrier.send(handoff())
    assert caught.value.code == UNREADABLE


@pytest.mark.parametrize("answer", ['{"id":"%s"}' % ("a" * 200), '{"id":"x","more":[1]}'])
async def test_an_acceptance_may_say_more_and_have_a_long_id(answer: str) -> None:
    async with serving(saying(200, answer)) as stub, client(stub.base_url) as carrier:
        assert await carrier.send(handoff()) == Acceptance(json.loads(answer)["id"])


@pytest.mark.parametrize(
    "digits, kind, code, wait",
    [
        ("0001", PermanentFailure, "invalid_number", None),
        ("0002", TemporaryFailure, "unavailable", None),
        ("0003", DoubtfulHandoff, "timeout", None),
        ("0004", DoubtfulHandoff, "connection_lost", None),
        ("0005", TemporaryFailure, "rate_limited", 2.0),
    ],
)
async def test_each_misfortune_of_the_real_server_is_told_by_its_kind(
    digits: str, kind: type[CarrierFailure], code: str, wait: float | None
) -> None:
    async with serve_carrier() as served, client(served.base_url, 0.5) as carrier:
        with pytest.raises(CarrierFailure) as caught:
            await carrier.send(handoff(f"+1415555{digits}"))
        assert (type(caught.value), caught.value.code) == (kind, code)
        assert getattr(caught.value, "retry_after", None) == wait
        taken = await carrier.look_up(handoff())
        assert (taken is not None) == (kind is DoubtfulHandoff)
        if kind is not PermanentFailure:
            again = await carrier.send(handoff(f"+1415555{digits}"))
            assert taken in (None, again)
        assert len(served.log) == (0 if kind is PermanentFailure else 1)


async def test_no_connection_and_no_answer_are_told_apart() -> None:
    async with client(f"http://127.0.0.1:{free_port()}") as carrier:
        with pytest.raises(TemporaryFailure) as caught:
            await carrier.send(handoff())
        assert caught.value.code == "no_connection"
    async with serving(reset) as stub, client(stub.base_url) as carrier:
        with pytest.raises(DoubtfulHandoff):
            await carrier.send(handoff())


# --------------------------------------------------------------------------- looking up


@pytest.mark.parametrize("repeats", [Repeats.DEDUP, Repeats.LOOKUP])
async def test_what_was_taken_is_found_and_what_was_not_is_none(repeats: Repeats) -> None:
    async with serve_carrier(repeats) as served, client(served.base_url) as carrier:
        for odd in ("m-1", "m/1?a=b&reference=x#y", "m+1 %2F", "caf\u00e9"):
            assert await carrier.look_up(handoff(reference=odd)) is None
            accepted = await carrier.send(handoff(reference=odd))
            assert await carrier.look_up(handoff(reference=odd)) == accepted


async def test_the_first_of_several_acceptances_is_told() -> None:
    async with serve_carrier(Repeats.LOOKUP) as served, client(served.base_url) as carrier:
        first = await carrier.send(handoff())
        assert await carrier.send(handoff()) != first
        assert await carrier.look_up(handoff()) == first


async def test_a_carrier_that_cannot_be_asked_gives_no_answer() -> None:
    async with serve_carrier(Repeats.NONE) as served, client(served.base_url) as carrier:
        await carrier.send(handoff())
        with pytest.raises(TemporaryFailure):
            await carrier.look_up(handoff())


@pytest.mark.parametrize("answer", NO_IDS.values(), ids=NO_IDS)
async def test_a_found_message_without_an_id_is_no_answer(answer: str) -> None:
    async with serving(saying(200, f"[{answer}]")) as stub, client(stub.base_url) as carrier:
        with pytest.raises(TemporaryFailure) as caught:
            await carrier.look_up(handoff())
    assert caught.value.code == UNREADABLE


NO_ANSWERS: dict[str, Play] = {
    "an object": saying(200, '{"id":"pretend-1"}'),
    "a text": saying(200, '"pretend-1"'),
    "false": saying(200, "false"),
    "HTML": saying(200, "<html>"),
    "nothing": saying(204, ""),
    "a refusal": saying(422, '{"error":"blocked"}'),
    "wrong credentials": saying(401, ""),
    "rate limited": saying(429, ""),
    "an error": saying(500, ""),
    "a redirect": saying(302, "[]"),
    "silence": hang,
    "a cut": reset,
}


@pytest.mark.parametrize("play", NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_no_clear_answer_to_a_look_up_is_a_temporary_failure(play: Play) -> None:
    began = time.monotonic()
    async with serving(play) as stub, client(stub.base_url, 0.5) as carrier:
        with pytest.raises(CarrierFailure) as caught:
            await carrier.look_up(handoff())
    assert type(caught.value) is TemporaryFailure
    assert time.monotonic() - began < PATIENCE


async def test_nobody_there_to_be_asked_is_a_temporary_failure() -> None:
    async with client(f"http://127.0.0.1:{free_port()}") as carrier:
        with pytest.raises(TemporaryFailure):
            await carrier.look_up(handoff())


# --------------------------------------------------------------------------- opening


async def test_the_environment_says_where_the_carrier_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve_carrier(Repeats.LOOKUP) as served:
        monkeypatch.setenv("GODWIT_CARRIER_PRETEND_BASE_URL", served.base_url + "/")
        monkeypatch.setenv("GODWIT_CARRIER_PRETEND_REPEATS", "lookup")
        carrier = open_carrier("pretend", Settings())
        assert (carrier.name, carrier.repeats) == ("pretend", Repeats.LOOKUP)
        assert await carrier.send(handoff()) == Acceptance("pretend-1")
        await carrier.close()


def test_what_can_be_served_is_a_carrier() -> None:
    assert set(LOCAL_SERVERS) <= set(CARRIERS)


@pytest.mark.parametrize("name", ["", "Pretend", "pretend ", "os", "../pretend"])
def test_a_carrier_that_there_is_not_is_named_with_those_that_there_are(name: str) -> None:
    with pytest.raises(UnknownCarrier, match="there are: pretend"):
        open_carrier(name, Settings())
