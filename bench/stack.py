"""Godwit's embedded stack as ``godwit up`` runs it, sending to the static carrier."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client, WorkflowHandle

from bench.processes import child, clean_environment, first_line, module
from bench.served import StaticCarrier
from bench.servers import Postgres, store_url
from service.campaign_workflows import workflow_id


@dataclass(frozen=True, slots=True)
class Posted:
    """An accepted campaign and how long its POST took."""

    id: str
    began: float
    seconds: float


@dataclass
class GodwitStack:
    """A running stack and the carrier that it sends to."""

    description: dict[str, Any]
    data: Path
    api: httpx.AsyncClient
    temporal: Client
    carrier: StaticCarrier
    # On SQLite there is none, and no URL.
    server: Postgres | None = None
    url: str = ""
    _numbers_given: int = 0

    def fresh(self, count: int) -> int:
        """The first of so many numbers that this stack has not been given before."""
        first = self._numbers_given
        self._numbers_given += count
        return first

    async def post(self, body: bytes) -> Posted:
        """Create a campaign; raises RuntimeError unless it is accepted."""
        began = time.time()
        headers = {"content-type": "application/json"}
        answer = await self.api.post("/v1/campaigns", content=body, headers=headers)
        seconds = time.time() - began
        if answer.status_code != 201:
            raise RuntimeError(f"POST: {answer.status_code} {answer.text[:300]}")
        return Posted(answer.json()["id"], began, seconds)

    async def order(self, campaign_id: str, verb: str) -> float:
        """Pause, resume or cancel; returns when that was asked for."""
        began = time.time()
        (await self.api.post(f"/v1/campaigns/{campaign_id}/{verb}")).raise_for_status()
        return began

    async def ended(self, campaign_id: str) -> float:
        """Wait until a campaign is settled; returns when it was."""
        await self._handle(campaign_id).result()
        return time.time()

    async def counts(self, campaign_id: str) -> dict[str, int]:
        """The counts of a campaign as the API tells them."""
        answer = await self.api.get(f"/v1/campaigns/{campaign_id}")
        counts: dict[str, int] = answer.raise_for_status().json()["counts"]
        return counts

    async def history(self, campaign_id: str) -> tuple[int, int]:
        """The events and the bytes of a campaign's history."""
        described = await self._handle(campaign_id).describe()
        info = described.raw_description.workflow_execution_info
        return info.history_length, info.history_size_bytes

    def pids(self) -> dict[str, Any]:
        """The processes as they are now."""
        described: dict[str, Any] = json.loads((self.data / "stack.json").read_text())["pids"]
        return described

    def parts(self) -> dict[str, list[int]]:
        """The processes by part."""
        pids = self.pids()
        parts = {
            "worker": pids["workers"],
            "api": [pids["api"]],
            "temporal": [pids["temporal"]],
        }
        return parts if self.server is None else {**parts, "postgres": [self.server.pid]}

    def _handle(self, campaign_id: str) -> WorkflowHandle[Any, Any]:
        return self.temporal.get_workflow_handle(workflow_id(campaign_id))


@asynccontextmanager
async def godwit_stack(
    carrier: StaticCarrier, directory: Path, server: Postgres | None = None, workers: int = 1
) -> AsyncIterator[GodwitStack]:
    """Run the stack until the block ends: on a fresh database of ``server``, or on SQLite."""
    data, log = directory / "data", directory / "up.log"
    directory.mkdir(parents=True)
    # The static carrier sends no receipts, so nothing is gained by waiting for any.
    environment = clean_environment(
        GODWIT_CARRIER_PRETEND_BASE_URL=carrier.url, GODWIT_RECEIPTS_GRACE_SECONDS="0"
    )
    url = ""
    if server is not None:
        url = server.fresh()
        environment["GODWIT_DATABASE_URL"] = store_url(url)
    ports = ("--port", "0", "--temporal-port", "0", "--ui-port", "0")
    command = module("starter", "up", "--json", "--data", str(data), *ports)
    command += ["--workers", str(workers)]
    async with child(command, log, environment) as process:
        described = json.loads(await first_line(process, log, 120))
        account = described["account"]
        temporal = await Client.connect(described["temporal"])
        async with httpx.AsyncClient(
            base_url=described["api"],
            auth=(account["keyId"], account["keySecret"]),
            timeout=300,
            trust_env=False,
        ) as api:
            yield GodwitStack(described, data, api, temporal, carrier, server, url)
