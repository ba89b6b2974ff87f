"""Fixtures for every test: a migrated store, a served carrier, Temporal environments."""

import asyncio
import contextlib
import gc
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from campaign.handoffs import Repeats
from campaign.instants import SECOND, Instant, instant_of
from campaign.model import Draft, DraftRecipient
from campaign.settings import Settings
from campaign.states import CampaignStatus
from carriers.pretend import PretendCarrier, PretendSettings
from carriers.pretend_exchange import Exchange, Receipts
from carriers.pretend_server import Connection
from service.campaign_workflows import workflow_id
from service.campaigns import CampaignService
from service.temporal import register_search_attributes
from store.accounts.accounts import AccountView
from store.database.migrate import upgrade
from store.shared.activity import act_as
from store.store import Store, open_store
from tests import time_skipping
from tests.postgres import (
    MISSING,
    Postgres,
    find_binaries,
    leave_to_sqlite,
    pytest_terminal_summary,
    serve_postgres,
)
from tests.statements import share_compiled
from worker import build_worker
from workflows.campaign import CampaignWorkflow
from workflows.records import CampaignResult

__all__ = ["pytest_terminal_summary"]
share_compiled()

LONG_CODE = "+18005559876"
QUERY_TIMEOUT = timedelta(seconds=2)
STALLED_SECONDS = 10.0
LISTED_SECONDS = 30.0
SKIPPING_SECONDS = 120
STEP_SECONDS = 10
CONTINUE_EVENTS = 250
# Half a minute or more each, the slowest first.
SLOW = (
    "embedded/test_stack workflows/test_campaign cli/test_orders test_plan_changes "
    "accounts/test_mailing_lists native/test_lists test_core test_unknown test_carriers_down "
    "test_exercise test_conformance textingline/test_siblings mobivate/test_routes test_access "
    "test_hostile_texts test_store_away sending/test_sending test_sending_rates test_readme "
    "test_neighbours tests/test_retry tests/test_faults test_story test_webhook_delivery "
    "textingline/test_routes"
).split()
Handle = WorkflowHandle[CampaignWorkflow, CampaignResult]


def binary(name: str) -> str:
    """Find a server binary that the pinned packages brought."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found, f"{name} is not installed; run make setup"
    return found


@pytest.fixture(autouse=True)
def system_acts() -> None:
    """The system acts, even where the test before let somebody else act."""
    act_as(None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL server for this process; skips where none is installed."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(MISSING)
    with serve_postgres(binaries) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of one test's own; every test that uses one runs on both kinds."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'godwit.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of one test, with quick retries."""
    return Settings(
        database_url=database_url,
        secret_key=SecretStr("a secret for tests"),
        retry_backoff_seconds=(1.0, 2.0),
        receipts_grace_seconds=1.0,
        task_queue=f"tests-{tmp_path.name}-{id(tmp_path)}",
    )


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file without rows, from which each test's own is copied: migrating takes longer."""
    file = tmp_path_factory.mktemp("migrated") / "godwit.db"
    opened = open_store(
        Settings(database_url=f"sqlite:///{file}", secret_key=SecretStr("a secret for tests"))
    )
    upgrade(opened.database)
    opened.close()
    assert [one.name for one in file.parent.iterdir()] == [file.name], "there is more to copy"
    return file


@pytest.fixture
def store(settings: Settings, migrated: Path) -> Iterator[Store]:
    """A migrated store of one test's own."""
    if settings.database_url.startswith("sqlite:///"):
        shutil.copyfile(migrated, settings.database_url.removeprefix("sqlite:///"))
    opened = open_store(settings)
    yield opened
    opened.close()


@pytest.fixture
def account(store: Store) -> AccountView:
    """An account with credits and one sender of each kind."""
    senders = (LONG_CODE, "72345", "GODWIT")
    return store.accounts.create("tester", 0, 100_000, 100_000, senders)[0]


@dataclass
class Served:
    """The pretend carrier, served in this process, and its log."""

    exchange: Exchange
    receipts: Receipts
    base_url: str

    @property
    def log(self) -> list[dict[str, object]]:
        """The accepted sends in order."""
        return self.exchange.log


@asynccontextmanager
async def serve_carrier(
    repeats: Repeats = Repeats.DEDUP,
    make: Callable[[Exchange, Receipts], Connection] = Connection,
) -> AsyncIterator[Served]:
    """Serve the pretend carrier on a free port; receipts go nowhere until told where.

    ``make`` makes what answers the requests of one connection.
    """
    exchange = Exchange(repeats, None)
    receipts = Receipts(None, 0.0)
    loop = asyncio.get_running_loop()
    open_connections: set[Connection] = set()

    def connect() -> Connection:
        connection = make(exchange, receipts)
        open_connections.add(connection)
        return connection

    server = await loop.create_server(connect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Served(exchange, receipts, f"http://127.0.0.1:{port}")
    finally:
        server.close()
        for connection in open_connections:
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)


@pytest.fixture
async def carrier_server() -> AsyncIterator[Served]:
    """A pretend carrier that dedups by reference."""
    async with serve_carrier() as served:
        yield served


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow files come first, or they would be what the others wait for at the end."""
    leave_to_sqlite(config, items)
    items.sort(key=lambda item: _slowness(item.path.with_suffix("").as_posix()))


def _slowness(path: str) -> int:
    return next((place for place, end in enumerate(SLOW) if path.endswith(end)), len(SLOW))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Search what lives now for cycles no more: a search in a workflow's task can take a second.

    What comes is searched as often as ever, so that what a test leaves behind fails that test.
    """
    gc.collect()
    gc.freeze()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let pass what Temporal's SDK raises into a workflow's thread that a busy machine held up.

    Its task is repeated; but where the exception lands in a finalizer, it would fail the test.
    """
    report = sys.unraisablehook

    def report_others(unraisable: "sys.UnraisableHookArgs") -> None:
        if unraisable.exc_type.__name__ != "_InterruptDeadlockError":
            report(unraisable)

    sys.unraisablehook = report_others


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tell a story again that stalled on the time-skipping server, and only that.

    Busy, that server now and then loses a task or an answer for good, and all wait for it.
    """
    if "skipping" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.timeout(SKIPPING_SECONDS))
        item.add_marker(pytest.mark.flaky(reruns=2, only_rerun=["from pytest-timeout"]))


@pytest.fixture
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A time-skipping server of one test: days pass in milliseconds, in nobody else's test."""
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary("temporal-test-server"),
        data_converter=pydantic_data_converter,
    )
    await register_search_attributes(environment.client)
    yield environment
    await environment.shutdown()


@pytest.fixture(scope="session")
async def real() -> AsyncIterator[WorkflowEnvironment]:
    """A real Temporal server, which wishes for a new run much sooner than others do.

    A task queue has one partition: every test has task queues of its own, and its worker polls
    each partition.
    """
    values = (
        f"limit.historyCount.suggestContinueAsNew={CONTINUE_EVENTS}",
        "matching.numTaskqueueReadPartitions=1",
        "matching.numTaskqueueWritePartitions=1",
        "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2",
    )
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary("temporal"),
        dev_server_extra_args=[part for one in values for part in ("--dynamic-config-value", one)],
        data_converter=pydantic_data_converter,
    )
    await register_search_attributes(environment.client)
    yield environment
    await environment.shutdown()


@dataclass
class Story:
    """The campaign service with a worker behind it and a carrier behind that."""

    service: CampaignService
    store: Store
    account: AccountView
    carrier: Served
    client: Client
    settings: Settings
    environment: WorkflowEnvironment
    # Since when a run's workflow task has been waited for without a pause.
    stalled: dict[str, float] = field(default_factory=dict)

    def draft(self, count: int, first: int = 1_000, **members: object) -> Draft:
        """A draft to ``count`` ordinary numbers, each with a text of its own."""
        recipients = [
            DraftRecipient(to=f"+1415555{first + index:04d}", text=f"Order {index} has shipped")
            for index in range(count)
        ]
        values: dict[str, object] = {"recipients": recipients, **members}
        return Draft(account_id=self.account.id, dialect="native", **values)  # type: ignore[arg-type]

    async def now(self) -> Instant:
        """The server's present instant."""
        return instant_of(await self.environment.get_current_time())

    def sent_at(self, campaign_id: str) -> list[Instant]:
        """When each sent message was sent, by position."""
        messages = self.store.campaigns.messages(campaign_id, limit=100_000)
        return [message.sent_at for message in messages if message.sent_at is not None]


async def unlisted(story: Story, campaign_id: str) -> None:
    """Wait until the visibility of Temporal, which lags, lists a closed workflow no longer."""
    running = f"WorkflowId = '{workflow_id(campaign_id)}' AND ExecutionStatus = 'Running'"
    async with asyncio.timeout(LISTED_SECONDS):
        while (await story.client.count_workflows(running)).count:
            await asyncio.sleep(0.02)


async def finish(story: Story, campaign_id: str) -> CampaignStatus:
    """Let time pass until the campaign has ended."""
    handle = story.client.get_workflow_handle_for(CampaignWorkflow.run, workflow_id(campaign_id))
    if story.environment.supports_time_skipping:
        while not await _ended(handle):
            await _step(story, handle, None)
    else:
        await handle.result()
    view = story.store.campaigns.get(campaign_id)
    assert view is not None
    return view.status


async def reach(story: Story, campaign_id: str, instant: Instant) -> None:
    """Skip ahead to an instant, from wave to wave.

    Choose an instant between two waves: the time-skipping server (unlike the real one) may lose
    a workflow task that cancels an activity in the moment it starts.
    """
    handle = story.client.get_workflow_handle_for(CampaignWorkflow.run, workflow_id(campaign_id))
    while await story.now() < instant:
        await _step(story, handle, instant)


async def _step(story: Story, handle: Handle, until: Instant | None) -> None:
    """Make one step; busy, the server forgets a call now and then, and the next makes another."""
    with contextlib.suppress(RPCError, TimeoutError):
        async with asyncio.timeout(STEP_SECONDS):
            await _leap(story, handle, until)


async def _leap(story: Story, handle: Handle, until: Instant | None) -> None:
    """Leap to the campaign's next timer, or give its activities a moment.

    Left to leap by itself, the server passes over waves that are due while a workflow task is
    under way, and years once nothing is left to do.
    """
    described = await handle.describe()
    raw = described.raw_description
    if raw.HasField("pending_workflow_task"):
        since = story.stalled.setdefault(described.run_id or "", time.monotonic())
        if time.monotonic() - since > STALLED_SECONDS:
            # The server lost the task; it gives it out again when its ten seconds have passed.
            story.stalled.clear()
            await story.environment.sleep(timedelta(seconds=11))
        await asyncio.sleep(0.005)
        return
    story.stalled.clear()
    now = await story.now()
    backs = [_back_at(pending) for pending in raw.pending_activities]
    if any(back <= now for back in backs):
        await asyncio.sleep(0.005)
        return
    target = min(backs, default=None) or await _next_wave_at(story, handle, now, until)
    # A timer that has fired since the first look has begun another wave than was found.
    if target is None or not (backs or await _is_idle(handle, now)):
        await asyncio.sleep(0.005)
        return
    if until is not None:
        target = min(target, until)
    await time_skipping.sleep(
        story.environment, story.client, target - now, lambda at: _is_idle(handle, at)
    )


async def _is_idle(handle: Handle, now: Instant) -> bool:
    """Whether a campaign only waits: for a timer, or for the next attempt of an activity."""
    raw = (await handle.describe()).raw_description
    backs = [_back_at(pending) for pending in raw.pending_activities]
    return not raw.HasField("pending_workflow_task") and all(back > now for back in backs)


async def _next_wave_at(
    story: Story, handle: Handle, now: Instant, until: Instant | None
) -> Instant | None:
    """When the campaign's next timer fires; of a paused one, ``until``."""
    progress = await handle.query(CampaignWorkflow.progress, rpc_timeout=QUERY_TIMEOUT)
    if progress.status is CampaignStatus.PAUSED:
        return until
    return max(now + 1, progress.next_wave_at or now + SECOND)


def _back_at(pending: PendingActivityInfo) -> Instant:
    """When the next attempt of an activity begins; 0 while one runs."""
    ended = pending.last_attempt_complete_time.ToNanoseconds()
    if ended < pending.last_started_time.ToNanoseconds():
        return 0
    delay = pending.last_failure.application_failure_info.next_retry_delay
    return (ended + delay.ToNanoseconds()) // 1_000_000 + 1


async def _ended(handle: Handle) -> bool:
    described = await handle.describe(rpc_timeout=timedelta(seconds=STEP_SECONDS))
    return described.status is not WorkflowExecutionStatus.RUNNING


@asynccontextmanager
async def tell(
    environment: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    served: Served,
    repeats: Repeats = Repeats.DEDUP,
    sandboxed: bool = False,
) -> AsyncIterator[Story]:
    """Run a worker on an environment for the length of one story."""
    carrier = PretendCarrier(
        PretendSettings(base_url=served.base_url, repeats=repeats),
        settings.send_timeout_seconds,
    )
    client = environment.client
    async with build_worker(client, settings, store, carrier, sandboxed=sandboxed):
        service = CampaignService(client, store, settings)
        yield Story(service, store, account, served, client, settings, environment)
    await carrier.close()


@pytest.fixture
async def story(
    skipping: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    carrier_server: Served,
) -> AsyncIterator[Story]:
    """A story on the time-skipping server; its workflows are watched for what would not replay."""
    async with tell(skipping, settings, store, account, carrier_server, sandboxed=True) as output:
        yield output


@pytest.fixture
async def real_story(
    real: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    carrier_server: Served,
) -> AsyncIterator[Story]:
    """A story on a real server."""
    async with tell(real, settings, store, account, carrier_server) as output:
        yield output
