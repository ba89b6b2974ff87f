"""A chunk that may be the last counts its campaign, and awaits receipts between its attempts."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.attempts import SendingLimits
from activities.carriers import Carriers
from activities.records import ChunkInput, ChunkResult
from activities.sending import DUE_LATER, Sending
from activities.waiting import Places
from campaign.instants import moment_of
from store.accounts.accounts import AccountView
from store.store import Store
from tests.activities.test_chunk_sender import Forgetful
from tests.store.builders import NOW, StoreBuilder

PEOPLE = 5


class Attempts:
    """Attempts at one chunk of a campaign: each knows the last heartbeat of the one before."""

    def __init__(self, store: Store, campaign_id: str, high: int = PEOPLE, **more: Any) -> None:
        limits = SendingLimits(
            backoff_seconds=(5.0,), window=64, timeout_seconds=5.0, unknown_tries=1
        )
        carriers = Carriers([Forgetful(lambda: None)])
        self.sending = Sending(
            store.campaigns, store.sending, store.health, carriers, limits, {"chunks": Places(1)}
        )
        given = {"receipts_seconds": 60.0, **more}
        self.chunk = ChunkInput(campaign_id=campaign_id, low=0, high=high, due_until=NOW, **given)
        self.details: tuple[Any, ...] = ()

    async def next(self) -> ChunkResult | float:
        """The result of another attempt, or the seconds after which the next is to begin."""
        environment = ActivityEnvironment()
        environment.info = replace(
            environment.info,
            started_time=moment_of(NOW),
            task_queue="chunks",
            heartbeat_details=self.details,
        )
        environment.on_heartbeat = self._keep
        try:
            return await environment.run(self.sending.send_chunk, self.chunk)
        except ApplicationError as error:
            assert error.type == DUE_LATER
            assert isinstance(error.next_retry_delay, timedelta)
            return round(error.next_retry_delay.total_seconds(), 1)

    def _keep(self, *details: Any) -> None:
        self.details = details


@pytest.fixture
def campaign_id(store: Store, account: AccountView) -> str:
    """A campaign that is due."""
    return StoreBuilder(store, account.id).admit(PEOPLE)


async def test_receipts_are_awaited_for_1_2_and_4_seconds_and_then_by_the_workflow(
    store: Store, campaign_id: str
) -> None:
    attempts = Attempts(store, campaign_id)
    assert [await attempts.next() for _ in range(3)] == [1, 2, 4]
    last = await attempts.next()
    assert isinstance(last, ChunkResult) and last.tally is not None
    assert (last.sent, last.waited_seconds, last.tally.sent) == (PEOPLE, 7, PEOPLE)


@pytest.mark.parametrize(("seconds", "waits"), [(0, []), (0.5, []), (1, [1]), (2.5, [1, 1])])
async def test_receipts_are_awaited_no_longer_than_the_workflow_allows(
    store: Store, campaign_id: str, seconds: float, waits: list[float]
) -> None:
    attempts = Attempts(store, campaign_id, receipts_seconds=seconds)
    assert [await attempts.next() for _ in waits] == waits
    last = await attempts.next()
    assert isinstance(last, ChunkResult) and last.tally is not None
    assert last.waited_seconds == sum(waits)


async def test_a_chunk_that_is_not_the_last_counts_and_awaits_nothing(
    store: Store, campaign_id: str
) -> None:
    result = await Attempts(store, campaign_id, receipts_seconds=None).next()
    assert isinstance(result, ChunkResult) and result.tally is None and result.sent == PEOPLE


async def test_a_chunk_beside_which_messages_wait_counts_and_awaits_nothing(
    store: Store, campaign_id: str
) -> None:
    result = await Attempts(store, campaign_id, high=PEOPLE - 1).next()
    assert isinstance(result, ChunkResult) and result.tally is None and result.sent == PEOPLE - 1
