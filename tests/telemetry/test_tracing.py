"""A request can be followed through Temporal to the carrier and the webhook, and names nobody."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, Worker

from campaign.settings import Settings
from store.accounts.accounts import AccountView
from store.store import Store
from telemetry.tracing import call_span, continued, current_traceparent
from telemetry.tracing_setup import temporal_plugins, tracing
from tests.conftest import Served, tell
from tests.receiving import answer, receive
from tests.serving import Api, serve_api
from tests.telemetry.collector import Collector, Exported, collecting
from tests.telemetry.napper import Napper
from tests.telemetry.planting import NAME, NUMBER, TEXT, failing, leaks, recorded
from tests.test_replay import HISTORIES, WORKFLOWS, history_of, read
from tests.test_worker_logs import twice_in
from tests.webhook_worker import Post, posted
from tests.workflows.test_campaign import handle_of
from worker import make_runner

FOREIGN = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{FOREIGN}-b7ad6b7169203331-01"
URL_SECRET = "hunter2-in-the-query"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """This process exports its traces to a collector."""
    with collecting() as served, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", served.url)
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        patch.setenv("no_proxy", "127.0.0.1")
        with tracing("godwit-tests"):
            yield served


@pytest.fixture
def environment(real: WorkflowEnvironment, client: Client) -> WorkflowEnvironment:
    """The real server as a process with traces sees it."""
    return WorkflowEnvironment.from_client(client)


@pytest.fixture
async def client(real: WorkflowEnvironment, collector: Collector) -> Client:
    """A client that traces."""
    return await Client.connect(
        real.client.service_client.config.target_host,
        data_converter=pydantic_data_converter,
        plugins=temporal_plugins(),
    )


@dataclass
class Traced:
    """The API, a sandboxed worker and webhooks, all of which trace."""

    api: Api
    post: Post
    collector: Collector

    async def send(self, *recipients: dict[str, object], **members: object) -> httpx.Response:
        """Post a native campaign with a client's ``traceparent``."""
        return await self.api.http.post(
            "/v1/campaigns",
            json={"recipients": recipients, **members},
            auth=self.api.basic(),
            headers={"traceparent": TRACEPARENT},
        )

    async def until(self, campaign_id: str, *names: str) -> dict[str, list[Exported]]:
        """The spans of the trace of a campaign by name, once each of these is among them."""

        def found(spans: list[Exported]) -> dict[str, list[Exported]]:
            of_ours = (each for each in spans if each.attributes.get("campaign") == campaign_id)
            root = next(of_ours, None)
            by_name: dict[str, list[Exported]] = {}
            for span in spans:
                if root is not None and span.trace_id == root.trace_id:
                    by_name.setdefault(span.name, []).append(span)
            return by_name

        return found(await self.collector.until(lambda spans: set(names) <= found(spans).keys()))


@pytest.fixture
async def traced(
    environment: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    carrier_server: Served,
    collector: Collector,
) -> AsyncIterator[Traced]:
    """All parts in this process."""
    async with (
        tell(environment, settings, store, account, carrier_server, sandboxed=True) as story,
        serve_api(story) as api,
        posted(environment, settings, store, account) as post,
    ):
        yield Traced(api, post, collector)


def people(count: int) -> list[dict[str, object]]:
    return [{"to": f"+1415555{2_000 + each}", "text": f"Parcel {each}"} for each in range(count)]


async def test_one_request_is_one_trace_as_far_as_the_carrier_and_the_webhook(
    traced: Traced,
) -> None:
    with recorded("json") as log:
        async with receive(answer(200)) as receiver:
            webhook, _ = await traced.post.subscribe(receiver.url, "message.sent")
            response = await traced.send(*people(2))
            campaign = response.json()["id"]
            await traced.api.finished(campaign)
            (delivering,) = await traced.post.signal_all(webhook)
            async with asyncio.timeout(30):
                await delivering.result()
        names = ("POST /v1/campaigns", "workflow Campaign", "send_chunk", "carrier POST", "webhook")
        trace = await traced.until(campaign, *names, "settle_campaign")
    (request,), (run,) = (trace[name] for name in names[:2])
    # Another attempt awaits receipts.
    (chunk,) = (each for each in trace["send_chunk"] if each.attributes["messages.sent"])
    assert request.parent_id == "" and request.links == [FOREIGN] != [request.trace_id]
    assert request.attributes["http.response.status_code"] == response.status_code
    assert run.parent_id == request.span_id and chunk.parent_id == run.span_id
    assert chunk.attributes["messages.sent"] == 2
    carried, delivered = trace["carrier POST"], trace["webhook"]
    assert {each.parent_id for each in carried} == {chunk.span_id} and len(carried) == 2
    assert {each.attributes["carrier"] for each in carried} == {"pretend"}
    assert {each.parent_id for each in delivered} == {request.span_id}
    passed_on = {each.headers["traceparent"] for each in receiver.taken}
    assert passed_on == {f"00-{each.trace_id}-{each.span_id}-01" for each in delivered}
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    (line,) = (each for each in lines if each["event"] == "request" and each["status"] == 201)
    assert (line["trace_id"], line["span_id"]) == (request.trace_id, request.span_id)


async def test_a_history_with_traces_replays_with_and_without_them_and_exports_nothing_again(
    traced: Traced,
) -> None:
    campaign = (await traced.send(*people(1))).json()["id"]
    await traced.api.finished(campaign)
    await traced.until(campaign, "workflow Campaign", "settle_campaign")
    history = await handle_of(traced.api.story, campaign).fetch_history()
    for plugins in (temporal_plugins(), ()):
        await replayer(*plugins).replay_workflow(history)
    await asyncio.sleep(0.3)
    runs = [each for each in traced.collector.spans if each.name == "workflow Campaign"]
    assert [each.attributes["workflow_id"] for each in runs].count(f"campaign:{campaign}") == 1


@pytest.mark.parametrize("file", HISTORIES[-2:], ids=lambda file: file.stem)
async def test_a_history_without_traces_replays_with_them(collector: Collector, file: Any) -> None:
    await replayer(*temporal_plugins()).replay_workflow(history_of(read(file)))


def replayer(*plugins: Any) -> Replayer:
    return Replayer(
        workflows=WORKFLOWS,
        data_converter=pydantic_data_converter,
        workflow_runner=make_runner(sandboxed=True),
        plugins=plugins,
    )


@pytest.mark.parametrize("step", ["admit_campaign", "send_chunk", "settle_campaign"])
async def test_no_span_holds_a_number_a_text_or_a_secret_even_of_an_exception(
    traced: Traced, step: str
) -> None:
    story = traced.api.story
    async with receive(answer(500), answer(200)) as receiver:
        webhook, secret = await traced.post.subscribe(f"{receiver.url}?token={URL_SECRET}")
        with failing(story.store.database, twice_in(step), "InternalError") as failed:
            pair = traced.api.key()
            response = await traced.api.http.post(
                f"/v1/campaigns?token={URL_SECRET}",
                json={"recipients": [{"to": NUMBER, "text": TEXT}], "name": NAME},
                auth=httpx.BasicAuth(pair.key_id, pair.secret),
            )
            assert response.status_code == 400  # No query is known; the next is admitted.
            response = await traced.send({"to": NUMBER, "text": TEXT}, name=NAME)
            campaign = response.json()["id"]
            await traced.api.finished(campaign)
        await traced.post.signal_all(webhook)
        async with asyncio.timeout(30):
            await receiver.until(lambda taken: len(taken) == 1)
        trace = await traced.until(campaign, "workflow Campaign", "webhook")
    assert len(failed) == 2 and any(each.failed for each in trace[step])
    assert leaks(traced.collector.text, URL_SECRET, secret, pair.secret, receiver.url) == []


async def test_a_chunk_has_a_few_spans_of_calls_and_counts_the_rest(traced: Traced) -> None:
    campaign = (await traced.send(*people(60))).json()["id"]
    await traced.api.finished(campaign)
    trace = await traced.until(campaign, "send_chunk", "settle_campaign", "workflow Campaign")
    sent = [each.attributes["messages.sent"] for each in trace["send_chunk"]]
    assert sum(sent) == 60
    assert len(trace["carrier POST"]) == 20 * sum(map(bool, sent))


async def test_machines_that_ask_every_second_make_no_spans(traced: Traced) -> None:
    for path in ("/healthz", "/metrics", "/v1/webhooks"):
        await traced.api.http.get(path, auth=traced.api.basic())
    await traced.collector.until(
        lambda spans: any(each.name == "GET /v1/webhooks" for each in spans)
    )
    assert not {"GET /healthz", "GET /metrics"} & {each.name for each in traced.collector.spans}


async def test_a_call_begins_no_trace_and_continues_the_one_that_was_stored(
    collector: Collector,
) -> None:
    with call_span("orphan") as span:
        assert span.traceparent is None
    with call_span("child of a stored parent", TRACEPARENT) as span:
        assert span.traceparent is not None and FOREIGN in span.traceparent
    with continued(TRACEPARENT):
        assert current_traceparent() == TRACEPARENT
    for bad in ("", "00-0-0-01", TRACEPARENT + "\n", TRACEPARENT.replace("00-", "ff-"), "ü" * 55):
        with call_span("never", bad) as span, continued(bad):
            assert span.traceparent is None and current_traceparent() is None
    await collector.until(lambda spans: any(each.trace_id == FOREIGN for each in spans))
    assert not {"orphan", "never"} & {each.name for each in collector.spans}


async def test_a_workflow_that_is_evicted_at_each_step_has_one_span(
    client: Client, collector: Collector
) -> None:
    async with Worker(
        client,
        task_queue="nappers",
        workflows=[Napper],
        max_cached_workflows=0,
        workflow_runner=make_runner(sandboxed=True),
    ):
        with continued(TRACEPARENT):
            await client.execute_workflow(
                Napper.run,
                id="napper",
                task_queue="nappers",
                execution_timeout=timedelta(seconds=20),
            )
    await collector.until(lambda spans: any(each.name == "workflow Napper" for each in spans))
    await asyncio.sleep(0.3)
    assert [each.name for each in collector.spans].count("workflow Napper") == 1
