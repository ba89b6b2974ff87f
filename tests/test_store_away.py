"""A store that freezes or is full amid a campaign: refused in time, resumed, and nothing twice."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import event
from temporalio.testing import WorkflowEnvironment

from campaign.failures import StoreUnavailable
from campaign.handoffs import Repeats
from campaign.rates import campaign_scope
from campaign.settings import Settings
from campaign.states import CampaignStatus
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from service.changes import Change
from starter.api.app import create_app
from starter.api.middleware import ANSWER_SECONDS_MAX
from store.campaigns.audit import audit
from store.store import Store, open_store
from tests.conftest import LONG_CODE, finish, serve_carrier, tell
from tests.postgres import Postgres

PEOPLE = 400
RATE = 100
FROZEN_SECONDS = 20.0


@contextmanager
def frozen(server: Postgres) -> Iterator[None]:
    """Stop every process of a database server for a while."""
    parent = server.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    pids = [parent, *map(int, children)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def answers_to(http: httpx.AsyncClient, auth: httpx.Auth) -> list[tuple[int, float]]:
    """Ask again and again while the store is frozen: each status, and how long it took."""

    async def ask() -> tuple[int, float]:
        began = time.monotonic()
        status = (await http.get("/v1/campaigns", auth=auth)).status_code
        return status, time.monotonic() - began

    asking = []
    end = time.monotonic() + FROZEN_SECONDS
    while time.monotonic() < end:
        asking.append(asyncio.create_task(ask()))
        await asyncio.sleep(0.5)
    return await asyncio.gather(*asking)


async def test_a_database_that_freezes_for_twenty_seconds_is_waited_for_within_bounds(
    real: WorkflowEnvironment, postgres: Postgres
) -> None:
    with postgres.database() as url:
        settings = Settings(
            database_url=url,
            secret_key=SecretStr("a secret for tests"),
            retry_backoff_seconds=(1.0, 2.0),
            receipts_grace_seconds=1.0,
            task_queue="tests-frozen",
        )
        store = open_store(settings)
        account, pair = store.accounts.create("tester", 0, 100_000, 0, [LONG_CODE])
        auth = httpx.BasicAuth(pair.key_id, pair.secret)
        # The carrier would take a message twice, so that one that is sent again is seen.
        async with serve_carrier(Repeats.LOOKUP) as served:
            async with tell(real, settings, store, account, served, Repeats.LOOKUP) as story:
                api_context = ApiContext(
                    settings, store, story.service, RequestLimiter("memory://")
                )
                transport = httpx.ASGITransport(create_app(api_context), raise_app_exceptions=False)
                async with httpx.AsyncClient(transport=transport, base_url="http://godwit") as http:
                    campaign = (await story.service.admit(story.draft(PEOPLE))).campaign
                    await story.service.change(campaign, Change(has_rate=True, rate=RATE))
                    while len(served.log) < PEOPLE // 8:
                        await asyncio.sleep(0.01)
                    with frozen(postgres):
                        asked = asyncio.create_task(answers_to(http, auth))
                        await asyncio.sleep(FROZEN_SECONDS)
                    answers = await asked
                    assert len(served.log) < PEOPLE, "it was frozen too late to matter"
                    assert {status for status, _ in answers} <= {200, 503}
                    slowest = max(took for _, took in answers)
                    assert FROZEN_SECONDS / 4 < slowest < ANSWER_SECONDS_MAX
                    assert (await http.get("/v1/campaigns", auth=auth)).status_code == 200
                    assert await finish(story, campaign.id) is CampaignStatus.FINISHED
        sent_to = [row["to"] for row in served.log]
        assert len(set(sent_to)) == len(sent_to) == PEOPLE
        assert audit(store.database).findings == ()
        store.close()


class Disk:
    """A limit on the pages of an SQLite file, as a full disk would set one."""

    def __init__(self, store: Store) -> None:
        self.is_full = False
        event.listen(store.database.engine, "begin", self._limit, insert=True)

    def _limit(self, connection) -> None:  # type: ignore[no-untyped-def]
        # No page more than there are; a transaction need not be open for it.
        pages = 1 if self.is_full else 1_000_000
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


@pytest.mark.one_store
async def test_a_full_disk_refuses_new_work_whole_and_what_runs_is_finished_later(
    real: WorkflowEnvironment, settings: Settings, store: Store
) -> None:
    account = store.accounts.create("tester", 0, 100_000, 0, [LONG_CODE])[0]
    disk = Disk(store)
    async with serve_carrier(Repeats.LOOKUP) as served:
        async with tell(real, settings, store, account, served, Repeats.LOOKUP) as story:
            campaign = (await story.service.admit(story.draft(PEOPLE))).campaign
            await asyncio.to_thread(store.rates.set_rate, campaign_scope(campaign.id), RATE)
            while len(served.log) < PEOPLE // 8:
                await asyncio.sleep(0.01)
            disk.is_full = True
            for index in range(3):
                with pytest.raises(StoreUnavailable):
                    await story.service.admit(story.draft(1_000, first=2_000 + 1_000 * index))
            await asyncio.sleep(2)
            assert [view.id for view in store.campaigns.list()] == [campaign.id]
            assert len(served.log) < PEOPLE, "it was full too late to matter"
            disk.is_full = False
            assert await finish(story, campaign.id) is CampaignStatus.FINISHED
            later = (await story.service.admit(story.draft(10, first=7_000))).campaign
            assert await finish(story, later.id) is CampaignStatus.FINISHED
    sent_to = [row["to"] for row in served.log]
    assert len(set(sent_to)) == len(sent_to) == PEOPLE + 10
    assert audit(store.database).findings == ()
