"""The tale over the cluster: five languages, orders, limits, faults, and what the judge finds."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from tests.chaos.check import Verdict, check, leaks
from tests.chaos.customers import Customers, now
from tests.chaos.nemesis import limit_sender, settle
from tests.cluster import dialects
from tests.cluster.campaigns import post_with_rate
from tests.cluster.deploys import Carried, Deploy
from tests.cluster.faults import Recovery, break_everything
from tests.cluster.measures import Sends
from tests.cluster.restores import RestoreRun, RestoreRuns
from tests.cluster.system import Cluster
from tests.test_replay import replayer

SEED = 20_261_129
DIALECTS_SECONDS = 90.0
STEERED_PEOPLE, STEERED_RATE = 2_000, 100
STEADY_PEOPLE, STEADY_RATE = 9_000, 20
CUSTOMERS = 2
SIZES = (50, 300)
SENDER_RATE = 150.0
REPLAYS = 25
# A pause is over for what had been claimed before it.
KEPT_SECONDS = 5.0


@dataclass
class Tale:
    """What came of it."""

    seconds: dict[str, float] = field(default_factory=dict)
    accepted: list[str] = field(default_factory=list)
    batches: tuple[int, int] = (0, 0)
    latencies: dict[str, float] = field(default_factory=dict)
    recoveries: list[Recovery] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)
    campaigns: int = 0
    orders: int = 0
    replayed: int = 0
    carried: list[Carried] = field(default_factory=list)
    deploy_troubles: list[str] = field(default_factory=list)
    restore_runs: list[RestoreRun] = field(default_factory=list)
    connections: dict[str, int] = field(default_factory=dict)


async def tell(system: Cluster) -> Tale:
    """Run all of it; raises AssertionError where something does not happen at all."""
    tale = Tale()
    customers = Customers(system, random.Random(SEED), SIZES)
    await asyncio.to_thread(limit_sender, system, SENDER_RATE)
    started = time.monotonic()

    def mark(act: str) -> None:
        nonlocal started
        tale.seconds[act] = time.monotonic() - started
        started = time.monotonic()

    tale.accepted = await speak(system)
    mark("five languages")
    tale.batches = await count_together(system)
    mark("shared limits")
    tale.latencies = await steer(system, customers)
    mark("pause and cancel")
    tale.recoveries = await attack(system, customers)
    tale.connections = await asyncio.to_thread(system.connections)
    mark("faults")
    client = await connect(system)
    tale.replayed = await replay(client)
    mark("replays")
    deploy = Deploy(system, customers, client)
    await deploy.run()
    tale.carried, tale.deploy_troubles = deploy.rows, deploy.troubles
    mark("a deploy")
    forgotten = await settle(system, customers)
    mark("until all have ended")
    tale.verdict = await asyncio.to_thread(
        check, system, await system.carrier_log(), customers.posted.values()
    )
    tale.verdict.forgotten += forgotten
    await asyncio.to_thread(system.save_temporal_records)
    tale.verdict.leaks = await leaks(system, customers.numbers)
    mark("judgement")
    restore_runs = RestoreRuns(system, customers, system.installation.home / "copies")
    await restore_runs.run()
    tale.restore_runs = restore_runs.rows
    mark("back-up and restore")
    tale.campaigns = len(customers.posted)
    tale.orders = sum(len(posted.orders) for posted in customers.posted.values())
    return tale


async def speak(system: Cluster) -> list[str]:
    """Post a batch in each dialect and wait until all was sent; the dialects."""
    requests = dialects.requests(system.account)
    for request in requests:
        await dialects.post(system.api, request)
    deadline = time.monotonic() + DIALECTS_SECONDS
    expected = dialects.PEOPLE * len(requests)
    while (sent := len(await system.carrier_log())) < expected:
        assert time.monotonic() < deadline, f"{sent} of {expected} were sent"
        await asyncio.sleep(0.2)
    return [request.dialect for request in requests]


async def count_together(system: Cluster) -> tuple[int, int]:
    """Post more batches of one key than a minute allows; how many were accepted and refused."""
    command = ("godwit", "key", "create", "--json")
    key = json.loads(await system.installation.run("api", *command))
    answers = []
    for number in range(dialects.BATCHES_A_MINUTE + 2):
        # A connection each, so that the proxy has them go to one process and the other.
        async with httpx.AsyncClient(
            base_url=system.api.base_url,
            auth=(key["keyId"], key["keySecret"]),
            timeout=60,
            trust_env=False,
        ) as api:
            body = dialects.textingline(10 + number)
            answers.append((await api.post("/api/v1/messaging/batch", json=body)).status_code)
    assert set(answers) <= {201, 429}, answers
    return answers.count(201), answers.count(429)


async def steer(system: Cluster, customers: Customers) -> dict[str, float]:
    """Pause, resume and cancel a campaign amid its sends.

    Returns the seconds from each order to its answer and to the last, or first, send.
    """
    posted = await post_with_rate(customers, 7, STEERED_PEOPLE, STEERED_RATE)
    sends = Sends(system, posted)
    await sends.until(STEERED_RATE, DIALECTS_SECONDS)
    found: dict[str, float] = {}
    for verb in ("pause", "resume", "cancel"):
        asked = now()
        await customers.order(posted, verb)
        found[f"{verb} answered"] = (now() - asked) / 1_000
        if verb == "resume":
            before = len(sends.instants)
            await sends.until(before + STEERED_RATE, DIALECTS_SECONDS)
            found["first send after resume"] = (sends.instants[before] - asked) / 1_000
            continue
        await asyncio.sleep(KEPT_SECONDS)
        await sends.refresh()
        found[f"last send after {verb}"] = max(0.0, (max(sends.instants) - asked) / 1_000)
    return found


async def attack(system: Cluster, customers: Customers) -> list[Recovery]:
    """Break everything while customers post and steer; what each fault cost."""
    steady = await post_with_rate(customers, 8, STEADY_PEOPLE, STEADY_RATE)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(CUSTOMERS):
            group.create_task(customers.buy(stop))
        try:
            recoveries = await break_everything(system, steady)
        finally:
            stop.set()
    # What is left of it would take its time.
    await customers.order(steady, "cancel")
    return recoveries


async def connect(system: Cluster) -> Client:
    """A client of the cluster's Temporal."""
    address, namespace = system.temporal
    return await Client.connect(
        address, namespace=namespace, data_converter=pydantic_data_converter
    )


async def replay(client: Client) -> int:
    """Replay histories that this cluster recorded on the code of now; how many."""
    count = 0
    async for execution in client.list_workflows("WorkflowType = 'Campaign'", limit=REPLAYS):
        handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
        await replayer().replay_workflow(await handle.fetch_history())
        count += 1
    return count


def troubles(tale: Tale) -> Sequence[str]:
    """What did not hold, in words; nothing if all did."""
    found = _wrong(tale.verdict) + tale.deploy_troubles
    for each in tale.restore_runs:
        found += [f"{each.case.heading}: {trouble}" for trouble in _wrong(each.verdict)]
    if tale.batches[0] != dialects.BATCHES_A_MINUTE:
        found.append(f"{tale.batches[0]} batches were accepted in one minute")
    if tale.replayed == 0:
        found.append("no history was replayed")
    return found


def _wrong(verdict: Verdict) -> list[str]:
    names = ("lost", "doubled", "miscounted", "unknown", "drift")
    counted = {name: getattr(verdict, name) for name in names}
    return [f"{name}: {count}" for name, count in counted.items() if count] + verdict.troubles
