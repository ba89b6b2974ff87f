"""A deploy amid campaigns: the next release beside today's, by the commands of the documents.

The long campaign is spread over fourteen days; short ones begin in each stage. Every workflow task
says which version completed it.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import httpx
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from service.campaign_workflows import STUCK, workflow_id
from starter.embedded.temporal_server import temporal_binary
from tests.chaos.customers import ENDS, Customers, Posted
from tests.cluster import campaigns
from tests.cluster.compose import Service
from tests.cluster.dialects import numbers
from tests.cluster.next_release import NEW_STEP
from tests.cluster.system import API_PORT, BUILD, Cluster
from tests.documented import OPERATIONS, commands

NEXT = "next"
API, WORKER = "next-api", "next-worker"
# One a second while this goes on, then one an hour for fourteen days.
LONG_SECONDS = [*range(5, 305), *(hour * 3_600 for hour in range(1, 14 * 24 + 1))]
SHORT_PEOPLE = 30
SHORT_MIN, SHORT_MAX = 3, 40
ANEW_SECONDS = 0.3
MOVED_SECONDS = DRAINED_SECONDS = 90.0
POLLING_SECONDS = 60.0
SIDE_BY_SIDE = "Old and new workers side by side"


@dataclass
class Carried:
    """What the campaigns of a stage were carried by: workflow tasks by version."""

    stage: str
    campaigns: int
    messages: int
    tasks: Counter[str]
    new_steps: int
    failed: list[str]


@dataclass
class Deploy:
    """The stages of a deploy, what carried the campaigns of each, and what did not hold."""

    system: Cluster
    customers: Customers
    client: Client
    rows: list[Carried] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Go to the next release, back, and forward again, then take its new step and go back.

        Raises:
            AssertionError: a version did not become current, or was not drained.
        """
        installation = self.system.installation
        self._long = await campaigns.post_own_times(
            self.customers, "fourteen-days", numbers(19, len(LONG_SECONDS)), LONG_SECONDS
        )
        await installation.add(next_release(installation.services["worker"], WORKER, 2))
        await self._stage("both run, today's is current", {BUILD})
        await self._tell("set-ramping-version", NEXT)
        await self._stage("a ramp of 50 % to the next", {BUILD, NEXT})
        for build, stage in ((NEXT, "the next is current"), (BUILD, "back to today's")):
            await self._make_current(build)
            await self._stage(stage, {build})
        await self._make_current(NEXT)
        await self._until_drained(BUILD)
        await installation.stop("worker")
        await installation.add(next_release(installation.services["api"], API, 1))
        await self._stage("the next alone, its API asks for the new step", {NEXT}, API)
        await installation.remove(API)
        await installation.up(["worker"])
        await self._make_current(BUILD)
        await self._stage("all campaigns with the step have ended, back to today's", {BUILD})
        await installation.remove(WORKER)
        await self._look_at_the_long_one()

    # ------------------------------------------------------------------ stages

    async def _stage(self, stage: str, builds: set[str], api: str = "") -> None:
        """Post short campaigns until each of the versions carried one; they end in the stage."""
        begun: list[Posted] = []
        people = numbers(20 + len(self.rows), SHORT_MAX * SHORT_PEOPLE)
        carried: set[str] = set()
        async with self._customers(api) as customers:
            while len(begun) < SHORT_MIN or carried < builds:
                assert people, f"{stage}: carried by {carried} alone"
                key = f"short-{len(self.rows)}-{len(begun)}"
                posted = await campaigns.post(customers, key, people[:SHORT_PEOPLE])
                begun.append(posted)
                del people[:SHORT_PEOPLE]
                carried |= set(await self._builds(posted))
                # Task queues hear of a ramp a little later.
                await asyncio.sleep(ANEW_SECONDS)
        self.customers.posted.update({each.id: each for each in begun})
        for posted in begun:
            await self._until_ended(posted)
        row = await self._carried(stage, begun)
        self.rows.append(row)
        if set(row.tasks) != builds:
            self.troubles.append(f"{stage}: carried by {dict(row.tasks)}")
        if bool(row.new_steps) != bool(api):
            self.troubles.append(f"{stage}: the new step was taken {row.new_steps} times")
        self.troubles += row.failed
        if stuck := (await self.client.count_workflows(STUCK)).count:
            self.troubles.append(f"{stage}: {stuck} workflows cannot go on")
        await self._pause_and_resume()

    async def _make_current(self, build: str) -> None:
        """Make a version current and wait until the long campaign has moved to it."""
        await self._tell("set-current-version", build)
        deadline = time.monotonic() + MOVED_SECONDS
        while (await self._builds(self._long))[-1] != build:
            assert time.monotonic() < deadline, f"the long campaign did not move to {build}"
            await self._pause_and_resume()

    async def _until_drained(self, build: str) -> None:
        deadline = time.monotonic() + DRAINED_SECONDS
        while (state := await self._drainage(build)) not in ("drained", "inactive"):
            assert time.monotonic() < deadline, f"{build} is {state}"
            await asyncio.sleep(1)

    async def _look_at_the_long_one(self) -> None:
        row = await self._carried("fourteen days, begun before all", [self._long])
        self.rows.insert(0, row)
        self.troubles += row.failed
        if set(row.tasks) != {BUILD, NEXT}:
            self.troubles.append(f"the long campaign was carried by {dict(row.tasks)} alone")
        await self.customers.order(self._long, "cancel")

    # ------------------------------------------------------------------ what is done and seen

    async def _tell(self, verb: str, build: str) -> str:
        """Run one of the documents' commands about versions, as often as they say; its output."""
        loop = asyncio.get_running_loop()
        until = loop.time() + POLLING_SECONDS
        while True:
            code, output = await self._run(verb, build)
            if code == 0:
                return output
            assert "missing active task queues" in output and loop.time() < until, output
            await asyncio.sleep(1)

    async def _run(self, verb: str, build: str) -> tuple[int | None, str]:
        """Run a command once, for a version of ours: how it ended, and its output."""
        [line] = (line for line in commands(OPERATIONS, SIDE_BY_SIDE) if f" {verb} " in line)
        line = line.replace(" 0.2.1", f" {build}").replace("percentage 5", "percentage 50")
        address, namespace = self.system.temporal
        process = await asyncio.create_subprocess_exec(
            temporal_binary(),
            *line.split()[1:],
            *(("--output", "json") if verb == "describe" else ()),
            env={
                "HOME": str(self.system.installation.home),
                "TEMPORAL_ADDRESS": address,
                "TEMPORAL_NAMESPACE": namespace,
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        # It asks whether this is meant.
        output, _ = await process.communicate(b"y\n")
        return process.returncode, output.decode()

    async def _drainage(self, build: str) -> str:
        described = json.loads(await self._tell("describe", build))
        found = {each["BuildID"]: each["drainageStatus"] for each in described["versionSummaries"]}
        return str(found[build])

    async def _pause_and_resume(self) -> None:
        """Give the long campaign something to do."""
        await self.customers.order(self._long, "pause")
        await asyncio.sleep(0.5)
        await self.customers.order(self._long, "resume")
        await asyncio.sleep(0.5)

    @asynccontextmanager
    async def _customers(self, api: str) -> AsyncIterator[Customers]:
        """Who posts through the proxy, or to the API that has a name."""
        if not api:
            yield self.customers
            return
        (container,) = self.system.installation.of(api)
        async with httpx.AsyncClient(
            base_url=f"http://{container.place.address}:{API_PORT}",
            auth=self.system.api.auth,
            timeout=60,
            trust_env=False,
        ) as client:
            yield replace(self.customers, arena=replace(self.system, api=client), posted={})

    async def _until_ended(self, posted: Posted) -> None:
        deadline = time.monotonic() + MOVED_SECONDS
        path = f"/v1/campaigns/{posted.id}"
        while (shown := await self.customers.get(path))["status"] not in ENDS:
            assert time.monotonic() < deadline, f"did not end: {shown}"
            await asyncio.sleep(0.2)

    async def _builds(self, posted: Posted) -> list[str]:
        return [
            event.workflow_task_completed_event_attributes.deployment_version.build_id
            for event in await self._events(posted)
            if event.HasField("workflow_task_completed_event_attributes")
        ]

    async def _carried(self, stage: str, begun: Collection[Posted]) -> Carried:
        row = Carried(stage, len(begun), sum(each.people for each in begun), Counter(), 0, [])
        for posted in begun:
            row.tasks.update(await self._builds(posted))
            for event in await self._events(posted):
                row.new_steps += NEW_STEP.encode() in event.user_metadata.summary.data
                if failed := _failure(event):
                    row.failed.append(f"{stage}: a workflow task failed: {failed}")
        return row

    async def _events(self, posted: Posted) -> list[HistoryEvent]:
        handle = self.client.get_workflow_handle(workflow_id(posted.id))
        return list((await handle.fetch_history()).events)


def next_release(service: Service, name: str, replicas: int) -> Service:
    """One of today's services as the next release has it, beside it under another name."""
    return replace(
        service,
        name=name,
        replicas=replicas,
        entrypoint=("python", "-m", "tests.cluster.next_release"),
        environment={**service.environment, "GODWIT_WORKER_BUILD": NEXT},
        needs={},
    )


def _failure(event: HistoryEvent) -> str:
    """Why a workflow task failed, if this says so; that a signal came amid the end is no fault."""
    cause = event.workflow_task_failed_event_attributes.cause
    failed = event.HasField("workflow_task_failed_event_attributes")
    is_fault = cause != WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
    return WorkflowTaskFailedCause.Name(cause) if failed and is_fault else ""
