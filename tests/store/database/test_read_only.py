"""A PostgreSQL server that takes no writes counts as away until it takes them again."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, text
from temporalio.testing import WorkflowEnvironment

from campaign.failures import StoreUnavailable
from campaign.rates import sender_scope
from campaign.settings import Settings
from campaign.states import CampaignStatus
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from starter.api.app import create_app
from store.campaigns.audit import audit
from store.store import Store, open_store
from tests.conftest import LONG_CODE, finish, serve_carrier, tell
from tests.postgres import Postgres
from tests.telemetry.planting import NAME, NUMBER, TEXT, leaks, recorded

PEOPLE = 300


def _write(connection: Connection) -> None:
    connection.execute(text("UPDATE alembic_version SET version_num = version_num"))


@contextmanager
def read_only(server: Postgres, url: str) -> Iterator[None]:
    """Make one database refuse writes, as a standby does, in the block: in every session."""
    name = url.rpartition("/")[2]

    with psycopg.connect(
        server.url("postgres").replace("+psycopg", ""), autocommit=True
    ) as connection:
        change = f"ALTER DATABASE {name} SET default_transaction_read_only ="
        connection.execute(f"{change} on".encode())
        # A session keeps the setting that it began with.
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        try:
            yield
        finally:
            # Sessions that began meanwhile stay read-only: the pool must drop them by itself.
            connection.execute(f"{change} off".encode())


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    """A database of one test's own."""
    with postgres.database() as made:
        yield made


@pytest.fixture
def settings(url: str) -> Settings:
    """Settings with that database."""
    return Settings(
        database_url=url,
        secret_key=SecretStr("a secret for tests"),
        receipts_grace_seconds=1.0,
        task_queue=f"tests-read-only-{id(url)}",
    )


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """A store on it."""
    opened = open_store(settings)
    yield opened
    opened.close()


def test_a_write_to_a_read_only_database_is_no_answer_and_works_again_afterwards(
    postgres: Postgres, url: str, store: Store
) -> None:
    store.database.write(_write)
    with read_only(postgres, url):
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                store.database.write(_write)
        with pytest.raises(StoreUnavailable, match="read_only"):
            store.accounts.create(NAME, 0)
    store.database.write(_write)


async def becomes_ready(http: httpx.AsyncClient, status: int) -> None:
    """Wait until readiness is this; it is probed once a second, and workers need a moment."""
    async with asyncio.timeout(30):
        while (await http.get("/readyz")).status_code != status:
            await asyncio.sleep(0.2)


async def test_the_api_answers_503_is_not_ready_and_logs_no_value(
    real: WorkflowEnvironment, postgres: Postgres, url: str, settings: Settings, store: Store
) -> None:
    account, pair = store.accounts.create("tester", 0, 100_000, 0, [LONG_CODE])
    auth = httpx.BasicAuth(pair.key_id, pair.secret)
    body = {"text": TEXT, "name": NAME, "recipients": [{"to": NUMBER}]}
    async with (
        serve_carrier() as served,
        tell(real, settings, store, account, served) as story,
    ):
        context = ApiContext(settings, store, story.service, RequestLimiter("memory://"))
        transport = httpx.ASGITransport(create_app(context), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://godwit") as http:
            await becomes_ready(http, 200)
            with recorded("json") as log, read_only(postgres, url):
                await becomes_ready(http, 503)
                answers = [
                    await http.post("/v1/campaigns", json=body, auth=auth),
                    await http.post("/v1/opt-outs", json={"number": NUMBER}, auth=auth),
                ]
            assert [answer.status_code for answer in answers] == [503] * 2
            assert all("retry-after" in answer.headers for answer in answers)
            assert leaks(log.getvalue(), pair.secret, pair.bearer) == []
            assert "read_only" in log.getvalue()
            await becomes_ready(http, 200)
            assert (await http.post("/v1/campaigns", json=body, auth=auth)).status_code == 201


async def test_workers_wait_for_a_read_only_database_and_lose_and_double_nothing(
    real: WorkflowEnvironment, postgres: Postgres, url: str, settings: Settings, store: Store
) -> None:
    account, _ = store.accounts.create("tester", 0, 100_000, 0, [LONG_CODE])
    async with (
        serve_carrier() as served,
        tell(real, settings, store, account, served) as story,
    ):
        store.rates.set_rate(sender_scope(account.id, LONG_CODE), 200)
        campaign = (await story.service.admit(story.draft(PEOPLE))).campaign
        while len(served.log) < 30:
            await asyncio.sleep(0.01)
        with recorded("json") as log, read_only(postgres, url):
            await asyncio.sleep(3)
        assert await finish(story, campaign.id) is CampaignStatus.FINISHED
    assert '"event": "the store is away", "reason": "read_only"' in log.getvalue()
    assert len({row["to"] for row in served.log}) == len(served.log) == PEOPLE
    assert store.campaigns.tally(campaign.id).sent == PEOPLE
    assert audit(store.database).findings == ()
