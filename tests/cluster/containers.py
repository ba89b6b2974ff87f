"""``docker compose up`` with processes: order, jobs, health, restarts, and proxies for replicas."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

from starter.embedded.supervisor import Part, Supervisor
from tests.cluster.compose import Health, Service
from tests.cluster.images import (
    Image,
    image_of,
    make_tools,
    prepare_postgres,
    search_path,
)
from tests.cluster.network import Network, Place, with_paths
from tests.cluster.proxy import Proxy

# Docker would look once an interval; more often, so that the times below mean something.
LOOK_SECONDS = 0.5
# A busy machine takes longer than the Compose files allow one that has nothing else to do.
START_SECONDS = 240.0
JOB_SECONDS = 240.0
JOB_AGAIN_SECONDS = 1.0
LOG_SHOWN = 3_000

P = ParamSpec("P")
T = TypeVar("T")


class DidNotStart(Exception):
    """A service did not become healthy, or a job failed; the text has the end of its log."""


@dataclass
class Container:
    """One replica: its process, its environment, and when it was healthy first."""

    place: Place
    image: Image
    environment: dict[str, str]
    part: Part
    healthy_after: float = 0.0

    async def is_healthy(self, network: Network) -> bool:
        """Run the health check once, as Docker would."""
        health = self.place.service.health
        if health is None:
            return self.part.process is not None and self.part.process.returncode is None
        command = network.words(self.place, health.command, within=True)
        return await _check(command, self.environment, self.place.home, health)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, and to its children if it is stopped or continued."""
        pids = [self.part.pid]
        if number in (signal.SIGSTOP, signal.SIGCONT):
            children = Path(f"/proc/{self.part.pid}/task/{self.part.pid}/children")
            pids += map(int, children.read_text().split())
        for pid in pids:
            os.kill(pid, number)
        if number == signal.SIGKILL:
            self._empty_tmpfs()

    async def stop(self) -> None:
        """Stop the process as Docker does, and keep it down."""
        process = self.part.process
        if process is None:
            return
        self.part.may_run.clear()
        is_postgres = self.place.service.image.startswith("postgres:")
        if process.returncode is None:
            process.send_signal(signal.SIGINT if is_postgres else signal.SIGTERM)
            await _wait(process, self.place.service.stop_seconds)
        self._empty_tmpfs()

    def _empty_tmpfs(self) -> None:
        """A container that starts again finds it empty."""
        for target in self.place.service.tmpfs:
            for path in self.place.paths[target].iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@dataclass
class Installation:
    """The services of Compose files, running as processes below one directory."""

    services: dict[str, Service]
    home: Path
    network: Network = field(init=False)
    supervisor: Supervisor = field(init=False)
    containers: dict[str, Container] = field(default_factory=dict, init=False)
    images: dict[str, Image | None] = field(default_factory=dict, init=False)
    _proxies: dict[tuple[str, int], Proxy] = field(default_factory=dict, init=False)
    _ready: dict[str, asyncio.Event] = field(default_factory=dict, init=False)
    _began: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.network = Network(self.services, self.home)
        self.supervisor = Supervisor()

    @property
    def logs(self) -> Path:
        """Where every process writes its log."""
        return self.home / "data" / "logs"

    async def up(
        self, names: Collection[str] = (), without: Collection[str] = (), waits: bool = True
    ) -> None:
        """Start what does not run, in the order of its dependencies, until all is healthy.

        Jobs run again. If there are ``names``, nothing else is started, and never what is in
        ``without``. Unless this ``waits``, only services that others need must become healthy.

        Raises:
            NotHere: a program is missing.
            DidNotStart: a service did not come up.
        """
        self._began = time.monotonic()
        make_tools(self.home / "tools")
        started = set(names or self.services) - set(without)
        self._ready = {name: asyncio.Event() for name in self.services}
        for name in self.services.keys() - started:
            self._ready[name].set()
        try:
            async with asyncio.TaskGroup() as group:
                for name in started:
                    group.create_task(self._bring_up(self.services[name], waits))
        except* DidNotStart as errors:
            raise errors.exceptions[0] from None

    async def add(self, *services: Service) -> None:
        """Start further services, as with one more Compose file."""
        self.services.update({service.name: service for service in services})
        await self.up([service.name for service in services])

    async def stop(self, *names: str) -> None:
        """Stop services and keep them down, as Docker does: what needs others before those."""
        for name in reversed(self.services):
            if name in names:
                await asyncio.gather(*(each.stop() for each in self.of(name)))

    async def remove(self, *names: str) -> None:
        """Stop services that were added, and forget them."""
        await self.stop(*names)
        for name in names:
            del self.services[name]

    async def down(self) -> None:
        """End every process at once: nothing of it is kept."""
        for proxy in self._proxies.values():
            await proxy.close()
        # Those that ended must not come back while the rest is stopped.
        stopping = asyncio.create_task(self.supervisor.stop())
        await asyncio.sleep(0)
        for container in self.containers.values():
            process = container.part.process
            if process is not None and process.returncode is None:
                process.send_signal(_quickest(container.place.service))
                process.send_signal(signal.SIGCONT)
        await stopping

    def of(self, service: str) -> list[Container]:
        """The replicas of a service."""
        return [each for each in self.containers.values() if each.place.service.name == service]

    async def run(self, service: str, *command: str) -> str:
        """Run a command in a replica, as ``docker compose exec`` does; returns its output."""
        container = self.of(service)[0]
        process = await asyncio.create_subprocess_exec(
            *self.network.words(container.place, command),
            env=container.environment,
            cwd=container.place.home,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"{command[0]} failed: {errors.decode()}")
        return output.decode()

    async def _bring_up(self, service: Service, waits: bool) -> None:
        for needed in service.needs:
            await self._ready[needed].wait()
        image = self.images[service.name] = image_of(service)
        for place in self.network.places(service, image.paths) if image else ():
            container = self.containers.get(place.name) or await self._create(place)
            if service.is_job:
                await self._run_job(container)
            elif place.name in self.containers:
                container.part.may_run.set()
            else:
                await self.supervisor.start(container.part)
            self.containers[place.name] = container
        if waits or any(service.name in other.needs for other in self.services.values()):
            await asyncio.gather(*map(self._until_healthy, self.of(service.name)))
        self._ready[service.name].set()

    async def _create(self, place: Place) -> Container:
        image = self.images[place.service.name]
        assert image is not None
        container = await _to_its_end(self._make, place, image)
        await self._balance()
        return container

    def _make(self, place: Place, image: Image) -> Container:
        """Make a replica's directories and files, and say how it is run."""
        (place.home / "tmp").mkdir(parents=True)
        for volume in place.service.volumes:
            place.paths[volume].mkdir(mode=0o700, parents=True, exist_ok=True)
        for target, source in place.service.files.items():
            copy = place.paths[target]
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(with_paths(source.read_text("utf-8"), image.paths))
        environment = {
            "PATH": search_path(image, self.home / "tools"),
            "HOME": str(place.home),
            "TMPDIR": str(place.home / "tmp"),
            "LANG": "C.UTF-8",
            **image.environment,
            **self.network.environment(place),
        }
        command = self.network.words(place, image.argv(place.service))
        if place.service.image.startswith("postgres:"):
            # Where clients in the container find the server.
            environment["PGHOST"] = str(place.home / "tmp")
            command += prepare_postgres(place, image, environment)
        log = self.logs / f"{place.name}.log"
        part = Part(place.name, command, environment, log, place.service.stop_seconds)
        return Container(place, image, environment, part)

    async def _balance(self) -> None:
        """Start a proxy for every name of several replicas that was met and has none."""
        for name, port in sorted(self.network.balanced - set(self._proxies)):
            service = self.services[name]
            upstreams = [(place.address, port) for place in self.network.places(service, {})]
            self._proxies[name, port] = proxy = Proxy(upstreams)
            await proxy.listen(self.network.address(name), port)

    async def _run_job(self, container: Container) -> None:
        part = container.part
        part.log.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(container.place.service.tries):
            with part.log.open("ab") as output:
                process = await asyncio.create_subprocess_exec(
                    *part.command,
                    env=container.environment,
                    cwd=container.place.home,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
                if await _wait(process, JOB_SECONDS) == 0:
                    container.healthy_after = time.monotonic() - self._began
                    return
            await asyncio.sleep(JOB_AGAIN_SECONDS)
        raise DidNotStart(f"{part.name} failed: {_end_of(part.log)}")

    async def _until_healthy(self, container: Container) -> None:
        service = container.place.service
        if service.is_job:
            return
        patience = service.health.patience if service.health else 0.0
        deadline = time.monotonic() + max(patience, START_SECONDS)
        while not await container.is_healthy(self.network):
            if time.monotonic() > deadline:
                end = _end_of(container.part.log)
                raise DidNotStart(f"{container.part.name} is not healthy: {end}")
            await asyncio.sleep(LOOK_SECONDS)
        container.healthy_after = time.monotonic() - self._began


async def _check(
    command: list[str], environment: Mapping[str, str], home: Path, health: Health
) -> bool:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=dict(environment),
        cwd=home,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    return await _wait(process, health.timeout) == 0


async def _to_its_end(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run it in a thread; if this is cancelled, wait for it, so that what it started is ended."""
    running = asyncio.create_task(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    finally:
        await asyncio.wait([running])


async def _wait(process: asyncio.subprocess.Process, seconds: float) -> int:
    """The exit code of a process; if it takes longer or nobody waits, it is killed with its own."""
    try:
        async with asyncio.timeout(seconds):
            return await process.wait()
    except TimeoutError:
        return -signal.SIGKILL
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _quickest(service: Service) -> signal.Signals:
    # PostgreSQL's children outlive a killed postmaster for a while; told to quit, they end with it.
    return signal.SIGQUIT if service.image.startswith("postgres:") else signal.SIGKILL


def _end_of(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-LOG_SHOWN:]
