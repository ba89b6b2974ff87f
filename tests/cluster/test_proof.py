"""The parts of a proof over the cluster that need no cluster."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tests.cluster.containers import Installation
from tests.cluster.images import ROOT
from tests.cluster.kill_next import SOCKET
from tests.cluster.proof import NOTHING, Killer


class Parts:
    """Stands for an installation: replicas by service, and the signals that they got."""

    def __init__(self, **services: tuple[int | None, ...]) -> None:
        self.signals: list[tuple[str, signal.Signals]] = []
        self.services = services

    def of(self, service: str) -> list[Any]:
        codes = self.services.get(service, ())
        return [self._replica(service, index, code) for index, code in enumerate(codes, 1)]

    def _replica(self, service: str, index: int, code: int | None) -> Any:
        name = f"{service}-{index}"
        return SimpleNamespace(
            place=SimpleNamespace(name=name, service=SimpleNamespace(name=service)),
            part=SimpleNamespace(process=SimpleNamespace(returncode=code)),
            signal=lambda number: self.signals.append((name, number)),
        )


def killer(parts: Parts) -> Killer:
    return Killer(cast(Installation, parts))


def test_parts_are_killed_in_turn_what_is_down_is_passed_over_and_the_store_is_restarted() -> None:
    parts = Parts(api=(None, 1), worker=(None,), postgres=(None,), carrier=(None,))
    one = killer(parts)
    done = [one.kill() for _ in range(4)]
    assert done == ["api-1 killed", "worker-1 killed", "postgres-1 restarted", "api-1 killed"]
    assert parts.signals[2] == ("postgres-1", signal.SIGINT)
    assert parts.signals[0] == ("api-1", signal.SIGKILL)


def test_where_everything_is_down_nothing_is_killed() -> None:
    parts = Parts(api=(1,), worker=(-9,))
    assert killer(parts).kill() == NOTHING and not parts.signals


def test_the_hook_has_the_next_part_killed_and_prints_which(tmp_path: Path) -> None:
    path = tmp_path / "kill.sock"
    command = [sys.executable, "-m", "tests.cluster.kill_next"]
    environment = {**os.environ, SOCKET: str(path)}

    async def ask() -> str:
        async with killer(Parts(worker=(None,))).listening(path):
            run = subprocess.run
            done = await asyncio.to_thread(
                run, command, cwd=ROOT, env=environment, capture_output=True, text=True
            )
        return str(done.stdout)

    assert asyncio.run(ask()) == "worker-1 killed\n"
