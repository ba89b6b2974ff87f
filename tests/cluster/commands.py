"""The ``docker`` commands of the documents, carried out on services that run as processes."""

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from tests.cluster.containers import Container, Installation

# Carriers are outside of an installation, and remember what an older copy of it does not.
OUTSIDE = {"carrier"}


VERBS = {
    "down": r"docker compose down",
    "stop": r"docker compose stop (.+)",
    "up": r"docker compose up --detach(?: --scale (\w+)=0)?(?: --wait (\w+))?",
    "exec": r"docker compose exec (?:-T )?(\w+) (.+)",
    "run": r"docker compose run --rm --no-deps -T --user postgres --entrypoint (\w+) (\w+) (.+)",
    "remove volume": r"docker volume rm godwit_([\w-]+)",
}


def parse(command: str) -> tuple[str, tuple[str, ...]]:
    """The verb of a command and what it is about, with empty texts for what it leaves out.

    Raises:
        ValueError: nothing here stands for it.
    """
    for verb, pattern in VERBS.items():
        if found := re.fullmatch(pattern, command):
            return verb, found.groups("")
    raise ValueError(f"nothing here stands for {command!r}")


class Docker:
    """Carries out commands of an operator, whose files are in ``directory``."""

    def __init__(self, installation: Installation, directory: Path) -> None:
        self._installation = installation
        self._directory = directory

    async def run(self, *commands: str) -> None:
        """Carry out one command after the other.

        Raises:
            RuntimeError: one failed.
            ValueError: nothing here stands for one; then none was carried out.
        """
        acts: dict[str, Callable[..., Awaitable[None]]] = {
            "down": self._down,
            "stop": self._stop,
            "up": self._up,
            "exec": self._exec,
            "run": self._run,
            "remove volume": self._remove_volume,
        }
        for verb, arguments in [parse(command) for command in commands]:
            await acts[verb](*arguments)

    @property
    def _services(self) -> Collection[str]:
        return self._installation.services.keys() - OUTSIDE

    async def _down(self) -> None:
        await self._installation.stop(*self._services)

    async def _stop(self, services: str) -> None:
        await self._installation.stop(*services.split())

    async def _up(self, none_of: str, only: str) -> None:
        without = [none_of] if none_of else []
        await self._installation.stop(*without)
        names = [only] if only else self._services
        await self._installation.up(names, without, waits=bool(only))

    async def _exec(self, service: str, command: str) -> None:
        await self._shell(self._installation.of(service)[0], command)

    async def _run(self, entrypoint: str, service: str, arguments: str) -> None:
        """Run a program on the volumes of a service that is down, as its user."""
        (container,) = self._installation.of(service)
        place, lower = container.place, container.image.lower
        for target in place.service.volumes:
            place.paths[target].mkdir(mode=0o700, exist_ok=True)
            if lower:
                shutil.chown(place.paths[target], "nobody", "nogroup")
        arguments = self._installation.network.text(place, arguments)
        await self._shell(container, " ".join([*lower, entrypoint, arguments]))

    async def _remove_volume(self, volume: str) -> None:
        await asyncio.to_thread(shutil.rmtree, self._installation.home / "volumes" / volume)

    async def _shell(self, container: Container, command: str) -> None:
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", command),
            env=container.environment,
            cwd=self._directory,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"{command}: {errors.decode()}")
