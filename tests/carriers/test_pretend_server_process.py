"""The pretend carrier as a process: its log outlives a kill, and its news reaches a receiver."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from campaign.failures import CarrierFailure
from carriers.client import CarrierClient
from tests.carriers.servers import Call, Stub, free_port, serving

PATIENCE = 20.0
Json = dict[str, Any]
# Without certificates, which each call would read anew.
PLAIN: Json = {"trust_env": False, "verify": False}


@contextmanager
def carrier(*arguments: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run ``python -m carriers.pretend_server`` on a free port: its address and its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "carriers.pretend_server", "--port", "0", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:")
        yield line.split()[-1], process
    finally:
        process.kill()
        process.wait(PATIENCE)
        process.stdout.close()


def send(address: str, reference: str, to: str = "+14155551234") -> httpx.Response:
    message = {"reference": reference, "from": "72345", "to": to, "body": "Hi"}
    return httpx.post(f"{address}/messages", json=message, timeout=PATIENCE, **PLAIN)


def log_of(address: str, after: int = 0) -> list[Json]:
    answer = httpx.get(f"{address}/log", params={"after": after}, **PLAIN)
    rows: list[Json] = answer.json()
    return rows


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, at most ``PATIENCE``."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        await asyncio.sleep(0.02)


def bodies(stub: Stub, path: str) -> list[Json]:
    """What was posted to a path."""
    start = f"POST {path} HTTP/1.1\r\n".encode()
    return [json.loads(call.body) for call in stub.calls if call.head.startswith(start)]


async def accept(call: Call) -> None:
    """A receiver that takes everything."""
    await call.answer(202, b'{"status":"accepted"}')


# --------------------------------------------------------------------------- the log


def test_the_log_survives_kill_minus_9_and_goes_on_where_it_was(tmp_path: Path) -> None:
    log = tmp_path / "deep" / "carrier.log.jsonl"
    with carrier("--log", str(log)) as (address, process):
        first = [send(address, f"m-{number}").json() for number in range(20)]
        before = log_of(address)
        process.kill()
        assert process.wait(PATIENCE) == -signal.SIGKILL
    assert [json.loads(line) for line in log.read_text().splitlines()] == before
    with carrier("--log", str(log)) as (address, _):
        assert log_of(address) == before
        assert send(address, "m-7").json() == first[7]
        assert send(address, "m-20").json() == {"id": "pretend-21", "status": "accepted"}
        assert [row["n"] for row in log_of(address, after=19)] == [20, 21]
    assert len(log.read_text().splitlines()) == 21


def test_a_row_cut_short_by_a_crash_was_never_answered_and_is_dropped(tmp_path: Path) -> None:
    log = tmp_path / "carrier.log.jsonl"
    with carrier("--log", str(log)) as (address, _):
        send(address, "m-1")
    with log.open("a") as lines:
        lines.write('{"n": 2, "reference": "m-')
    with carrier("--log", str(log)) as (address, _):
        assert [row["reference"] for row in log_of(address)] == ["m-1"]
        assert send(address, "m-2").json()["id"] == "pretend-2"
    assert [json.loads(line)["n"] for line in log.read_text().splitlines()] == [1, 2]


def test_every_answered_message_is_in_the_file_when_killed_amid_many(tmp_path: Path) -> None:
    log = tmp_path / "carrier.log.jsonl"
    answered: list[str] = []

    async def pound(address: str, process: subprocess.Popen[str]) -> None:
        carrier_client = CarrierClient(address, PATIENCE, connections=16)

        async def one(sender: int) -> None:
            with suppress(CarrierFailure):
                for number in range(10_000):
                    reference = f"m-{sender}-{number}"
                    message = {"reference": reference, "from": "72345", "to": "+14155551234"}
                    await carrier_client.ask("POST", "/messages", message)
                    answered.append(reference)
                    if len(answered) == 500:
                        process.kill()

        await asyncio.gather(*(one(sender) for sender in range(16)))
        await carrier_client.close()

    with carrier("--log", str(log)) as (address, process):
        asyncio.run(pound(address, process))
        assert process.wait(PATIENCE) == -signal.SIGKILL
    assert len(answered) >= 500
    with carrier("--log", str(log)) as (address, _):
        kept = [row["reference"] for row in log_of(address)]
        assert set(answered) <= set(kept) and len(set(kept)) == len(kept)


def test_without_a_file_nothing_is_kept_and_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    with carrier() as (address, process):
        assert send(address, "m-1").status_code == 201
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("by_argument", [True, False])
def test_what_it_does_with_repeats_comes_from_argument_or_environment(by_argument: bool) -> None:
    arguments = ("--repeats", "none") if by_argument else ()
    set_to = "lookup" if by_argument else "none"
    with carrier(*arguments, GODWIT_CARRIER_PRETEND_REPEATS=set_to) as (address, _):
        assert send(address, "m-1").json() != send(address, "m-1").json()
        asked = httpx.get(f"{address}/messages?reference=m-1", trust_env=False)
        assert asked.status_code == 404


def test_an_unknown_mode_of_repeats_is_refused() -> None:
    with pytest.raises(AssertionError), carrier("--repeats", "sometimes"):
        pass


# --------------------------------------------------------------------------- news


async def test_receipts_say_id_reference_status_and_instant() -> None:
    async with serving(accept) as receiver:
        url = f"{receiver.base_url}/carriers/pretend/receipts"
        with carrier("--receipts-url", url, "--receipt-delay", "0") as (address, _):
            began = datetime.now(UTC)
            delivered = await asyncio.to_thread(send, address, "m-1")
            undelivered = await asyncio.to_thread(send, address, "m-2", "+14155550007")
            refused = await asyncio.to_thread(send, address, "m-3", "+14155550001")
            assert refused.status_code == 422
            await until(lambda: len(receiver.calls) == 2)
        receipts = {row["reference"]: row for row in bodies(receiver, "/carriers/pretend/receipts")}
        assert set(receipts) == {"m-1", "m-2"}
        for row in receipts.values():
            assert set(row) == {"id", "reference", "status", "at"}
            assert datetime.fromisoformat(row["at"]).tzinfo is not None
            assert (datetime.fromisoformat(row["at"]) - began).total_seconds() > -1
        assert receipts["m-1"]["status"] == "delivered"
        assert receipts["m-1"]["id"] == delivered.json()["id"]
        assert receipts["m-2"]["status"] == "undelivered"
        assert receipts["m-2"]["id"] == undelivered.json()["id"]
        heads = [call.head.lower() for call in receiver.calls]
        assert all(b"content-type: application/json" in head for head in heads)


async def test_messages_that_are_never_answered_get_their_receipt_all_the_same() -> None:
    async with serving(accept) as receiver:
        url = f"{receiver.base_url}/receipts"
        with carrier("--receipts-url", url, "--receipt-delay", "0") as (address, _):
            with pytest.raises(httpx.TransportError):
                await asyncio.to_thread(send, address, "m-1", "+14155550004")
            await until(lambda: len(receiver.calls) == 1)
        assert bodies(receiver, "/receipts")[0]["status"] == "delivered"


async def test_a_receiver_that_stumbles_is_told_again_until_it_took_the_receipt() -> None:
    async def stumble(call: Call) -> None:
        if len(receiver.calls) == 1:
            call.reset()
        else:
            await call.answer(503 if len(receiver.calls) == 2 else 202)

    async with serving(stumble) as receiver:
        url = f"{receiver.base_url}/receipts"
        with carrier("--receipts-url", url, "--receipt-delay", "0") as (address, _):
            await asyncio.to_thread(send, address, "m-1")
            await until(lambda: len(receiver.calls) == 3)
            await asyncio.to_thread(send, address, "m-2")
            await until(lambda: len(receiver.calls) == 4)
        result = [row["reference"] for row in bodies(receiver, "/receipts")]
        assert result == ["m-1", "m-1", "m-1", "m-2"]


async def test_a_receiver_that_is_away_at_first_gets_the_receipt_when_it_is_there() -> None:
    port = free_port()
    arguments = ("--receipts-url", f"http://127.0.0.1:{port}/receipts", "--receipt-delay", "0")
    with carrier(*arguments) as (address, _):
        await asyncio.to_thread(send, address, "m-1")
        async with serving(accept, port) as receiver:
            await until(lambda: len(receiver.calls) == 1)
        assert bodies(receiver, "/receipts")[0]["reference"] == "m-1"


async def test_an_inbound_text_goes_beside_the_receipts_with_its_instant() -> None:
    async with serving(accept) as receiver:
        url = f"{receiver.base_url}/carriers/pretend/receipts"
        text = {"from": "+14155551234", "to": "+18005559876", "body": "STOP"}
        with carrier("--receipts-url", url) as (address, _):
            async with httpx.AsyncClient(base_url=address, trust_env=False) as http:
                answer = await http.post("/inbound", json={**text, "more": "than asked"})
                assert answer.status_code == 202
                malformed: list[object] = [{}, [], {**text, "body": None}, {"from": "72345"}]
                for wrong in malformed:
                    assert (await http.post("/inbound", json=wrong)).status_code == 400
            await until(lambda: len(receiver.calls) == 1)
        brought = bodies(receiver, "/carriers/pretend/inbound")[0]
        assert datetime.fromisoformat(brought.pop("at")).tzinfo is not None
        assert brought == text


def test_without_a_receiver_an_inbound_text_is_refused() -> None:
    with carrier() as (address, _):
        text = {"from": "+14155551234", "to": "+18005559876", "body": "STOP"}
        answer = httpx.post(f"{address}/inbound", json=text, trust_env=False)
        assert answer.status_code == 400
