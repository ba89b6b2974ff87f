"""PostgreSQL fails over to its replica amid 20,000 sends, and nobody has to do anything."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from tests.chaos.arena import Arena, arena
from tests.chaos.check import check, leaks
from tests.chaos.customers import ENDS, SENDER, Customers, Posted
from tests.postgres import MISSING, find_binaries

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(find_binaries() is None, reason=MISSING),
]
PEOPLE = 5_000
STANDBY_SECONDS = 5.0


def batch(first: int, count: int) -> dict[str, object]:
    """A campaign to people whom the carrier serves without misfortune."""
    recipients = [
        {"to": f"+1415{200 + first}{1_000 + index}", "text": f"parcel {index}"}
        for index in range(count)
    ]
    return {"sender": SENDER, "recipients": recipients}


async def accepted(field: Arena, at_least: int) -> None:
    """Wait until the carrier has accepted so many messages."""
    deadline = time.monotonic() + 60
    while len(await field.carrier_log()) < at_least:
        assert time.monotonic() < deadline, "too few messages leave"
        await asyncio.sleep(0.1)


async def until_finished(customers: Customers, posted: Posted) -> None:
    """Wait until a campaign has sent everything; nobody orders anything meanwhile."""
    deadline = time.monotonic() + 120
    while True:
        campaign = await customers.get(f"/v1/campaigns/{posted.id}")
        if campaign["status"] in ENDS:
            assert campaign["counts"]["failed"] == campaign["counts"]["unknown"] == 0, campaign
            return
        assert campaign["status"] == "running", campaign
        assert time.monotonic() < deadline, campaign
        await asyncio.sleep(0.3)


async def test_a_failover_amid_20000_sends_loses_and_doubles_nothing_and_needs_no_person(
    tmp_path: Path,
) -> None:
    # A carrier that would take a message twice, so that one that is sent again is seen.
    async with arena(tmp_path, "postgresql", "lookup") as field:
        assert field.cluster is not None
        customers = Customers(field, random.Random(1), (PEOPLE, PEOPLE))
        posted = [await customers.post(batch(number, PEOPLE)) for number in range(4)]
        await accepted(field, PEOPLE // 2)
        primary = field.cluster.primary
        await field.cluster.fail_over(standby_seconds=1.0)
        assert field.cluster.primary != primary
        log = await field.carrier_log()
        assert len(log) < 4 * PEOPLE, "it failed over too late to matter"
        for campaign in posted:
            await until_finished(customers, campaign)
        log = await field.carrier_log()
        verdict = await asyncio.to_thread(check, field, log, posted)
        assert len(log) == 4 * PEOPLE
        assert (verdict.lost, verdict.doubled, verdict.miscounted, verdict.unknown) == (0, 0, 0, 0)
        assert verdict.findings == [] and verdict.drift == 0


async def test_while_only_a_read_only_standby_answers_requests_are_put_off_and_nothing_leaks(
    tmp_path: Path,
) -> None:
    async with arena(tmp_path, "postgresql", "lookup", session="any") as field:
        assert field.cluster is not None
        customers = Customers(field, random.Random(1), (PEOPLE, PEOPLE))
        posted = await customers.post(batch(0, PEOPLE))
        await accepted(field, PEOPLE // 20)
        promoting = asyncio.Event()
        asked: list[asyncio.Task[tuple[int, int]]] = []

        async def ask() -> tuple[int, int]:
            answer = await field.api.post("/v1/campaigns", json=batch(1, 10))
            return answer.status_code, (await field.api.get("/readyz")).status_code

        async def keep_asking() -> None:
            while not promoting.is_set():
                asked.append(asyncio.create_task(ask()))
                await asyncio.sleep(0.5)

        asking = asyncio.create_task(keep_asking())
        async with field.cluster.primary_lost(STANDBY_SECONDS):
            promoting.set()
            await asking
            answers = await asyncio.gather(*asked)
            # The first may have come just before the loss, and some may have been waited for.
            assert {503} <= {status for status, _ in answers} <= {201, 503}, answers
            assert 503 in {ready for _, ready in answers}, answers
            await until_finished(customers, posted)
            log = await field.carrier_log()
            verdict = await asyncio.to_thread(check, field, log, [posted])
            assert (verdict.lost, verdict.doubled, verdict.unknown) == (0, 0, 0)
            numbers = [f"+1415{area}{line}" for area in (200, 201) for line in (1_000, 1_009)]
            assert await leaks(field, numbers) == []
