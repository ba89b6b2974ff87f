"""Whatever fails beside it, a chunk writes the answers that it has."""

import asyncio
import errno
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.attempts import SendingLimits
from activities.carriers import Carriers
from activities.records import ChunkInput, ChunkResult
from activities.sending import Sending
from activities.waiting import Places
from campaign.handoffs import Acceptance, Carrier, Handoff, Repeats
from campaign.instants import moment_of
from carriers.pretend import PretendCarrier, PretendSettings
from store.accounts.accounts import AccountView
from store.store import Store
from telemetry import logs
from tests.conftest import serve_carrier
from tests.store.builders import NOW, StoreBuilder
from tests.telemetry.planting import recorded
from tests.telemetry.test_logs import FullDisk

pytestmark = pytest.mark.one_store

PEOPLE = 50


class Forgetful:
    """A carrier that can neither recognise nor look up; one of its sends breaks, for a bug."""

    name = "pretend"
    repeats = Repeats.NONE

    def __init__(self, breaks: Callable[[], None]) -> None:
        self.taken: list[int] = []
        self.breaks = breaks

    async def send(self, handoff: Handoff) -> Acceptance:
        """Take a message after a moment, all but the seventh."""
        if handoff.position == 7:
            await asyncio.sleep(0.02)
            self.breaks()
        self.taken.append(handoff.position)
        await asyncio.sleep(0.1)
        return Acceptance(f"id-{handoff.position}")

    async def look_up(self, handoff: Handoff) -> Acceptance | None:
        """Cannot."""
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing to close."""


async def send_chunk(store: Store, carrier: Carrier, campaign_id: str, **limits: Any) -> Any:
    """Run one attempt at a chunk of all; its result, or what it raised."""
    given: dict[str, Any] = {"window": 64, "timeout_seconds": 5.0, "unknown_tries": 1, **limits}
    sending = Sending(
        store.campaigns,
        store.sending,
        store.health,
        Carriers([carrier]),
        SendingLimits(backoff_seconds=(5.0,), **given),
        {"chunks": Places(1)},
    )
    environment = ActivityEnvironment()
    info = replace(environment.info, started_time=moment_of(NOW), task_queue="chunks")
    environment.info = info
    chunk = ChunkInput(campaign_id=campaign_id, low=0, high=PEOPLE, due_until=NOW)
    (result,) = await asyncio.gather(
        environment.run(sending.send_chunk, chunk), return_exceptions=True
    )
    return result


def broken() -> None:
    """What a bug looks like."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_one_send_that_breaks_among_fifty_costs_no_other_its_answer(
    store: Store, account: AccountView
) -> None:
    campaign_id = StoreBuilder(store, account.id).admit(PEOPLE)
    carrier = Forgetful(broken)
    result = await send_chunk(store, carrier, campaign_id)
    assert isinstance(result, OSError)
    tally = store.campaigns.tally(campaign_id)
    assert (tally.sent, tally.sending) == (PEOPLE - 1, 1)
    assert len(carrier.taken) == PEOPLE - 1


async def test_nothing_more_is_claimed_once_a_send_broke(
    store: Store, account: AccountView
) -> None:
    campaign_id = StoreBuilder(store, account.id).admit(PEOPLE)
    result = await send_chunk(store, Forgetful(broken), campaign_id, window=10)
    assert isinstance(result, OSError)
    tally = store.campaigns.tally(campaign_id)
    assert (tally.sent, tally.sending, tally.queued) == (9, 1, PEOPLE - 10)


async def test_a_claim_that_breaks_costs_no_answer(
    store: Store, account: AccountView, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = StoreBuilder(store, account.id).admit(PEOPLE)
    flush_and_claim, claims = store.sending.flush_and_claim, 0

    def second_claim_breaks(*given: Any) -> Any:
        nonlocal claims
        claims += given[3] > 0
        if given[3] > 0 and claims > 1:
            raise LookupError("no such sender")
        return flush_and_claim(*given)

    monkeypatch.setattr(store.sending, "flush_and_claim", second_claim_breaks)
    carrier = Forgetful(lambda: None)
    result = await send_chunk(store, carrier, campaign_id, window=20)
    assert isinstance(result, LookupError)
    tally = store.campaigns.tally(campaign_id)
    assert tally.sent == len(carrier.taken) > 0
    assert (tally.sending, tally.queued) == (0, PEOPLE - tally.sent)


async def test_a_full_disk_below_the_log_makes_no_message_unknown(
    store: Store, account: AccountView
) -> None:
    campaign_id = StoreBuilder(store, account.id).admit(PEOPLE)
    async with serve_carrier(Repeats.NONE) as served:
        settings = PretendSettings(base_url=served.base_url, repeats=Repeats.NONE)
        with recorded("json"):
            logs.OUTPUT.stream = FullDisk(writes=10_000)
            carrier = PretendCarrier(settings, 5.0)
            result = await send_chunk(store, carrier, campaign_id)
            assert logs.OUTPUT.dropped > 0
        await carrier.close()
    assert isinstance(result, ChunkResult)
    tally = store.campaigns.tally(campaign_id)
    # Numbers that end in 0003 and 0004 get no answer, 0001 is refused, 0002 and 0005 are put off.
    assert (tally.unknown, tally.failed, tally.retryable) == (2, 1, 2)
    assert tally.sent == PEOPLE - 5
