"""Processor time of the installation's processes, by part."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bench.usage import cpu_seconds
from tests.cluster.containers import Container, Installation

# What is shown for a service of the Compose files.
PARTS = {
    "worker": "workers",
    "api": "API",
    "temporal": "Temporal, frontends",
    "temporal-history": "Temporal, history",
    "temporal-matching": "Temporal, matching",
    "temporal-worker": "Temporal, worker",
    "limits": "Redis",
}
# PostgreSQL's processes for connections, as their titles begin.
BACKENDS = {"godwit": "PostgreSQL, the store", "temporal": "PostgreSQL, Temporal"}
SERVER = "PostgreSQL, the server itself"
ALL_PARTS = (*PARTS.values(), *BACKENDS.values(), SERVER)


def processor_seconds(installation: Installation) -> dict[str, float]:
    """The processor time that each part has used so far; what is down counts nothing."""
    spent = dict.fromkeys(ALL_PARTS, 0.0)
    for service, part in PARTS.items():
        for container in installation.of(service):
            with suppress(OSError):
                spent[part] += cpu_seconds(_pid(container))
    (postgres,) = installation.of("postgres")
    with suppress(OSError):
        spent[SERVER] = cpu_seconds(_pid(postgres))
        for pid in _children(_pid(postgres)):
            with suppress(OSError):
                _count_backend(pid, spent)
    return spent


def spent_between(
    before: Mapping[str, float],
    after: Mapping[str, float],
    idle: Mapping[str, float] | None = None,
    seconds: float = 0.0,
) -> dict[str, float]:
    """What each part used between two readings, without what it uses ``idle`` in a second."""
    rates = idle or {}
    return {
        part: max(0.0, after[part] - before[part] - rates.get(part, 0.0) * seconds)
        for part in after
    }


def _count_backend(pid: int, spent: dict[str, float]) -> None:
    title = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    for user, part in BACKENDS.items():
        if title.startswith(f"postgres: {user} "):
            seconds = cpu_seconds(pid)
            spent[part] += seconds
            spent[SERVER] -= seconds


def _pid(container: Container) -> int:
    """The process of a replica; one that is down has none and raises OSError when it is read."""
    process = container.part.process
    return process.pid if process is not None and process.returncode is None else 0


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
