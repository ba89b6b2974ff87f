"""The embedded stack: Temporal, store, carrier, API and workers on one machine."""

import asyncio
import fcntl
import os
import secrets
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from campaign.settings import Settings
from carriers import LOCAL_SERVERS, NotConfigured, carrier_module, open_carrier
from console.sessions import CONSOLE_PATH, Signatures
from starter.embedded import demo_account
from starter.embedded.environment import (
    for_api,
    for_carrier,
    for_temporal,
    for_worker,
    use_temporal_at,
)
from starter.embedded.options import (
    LOOPBACK,
    Ports,
    StackError,
    StackOptions,
    api_url,
    is_loopback,
    log_of,
)
from starter.embedded.private_files import UMASK, keep_private, write_json
from starter.embedded.readiness import accepts, exists, until, until_serves
from starter.embedded.scrape_targets import SCRAPE_TARGETS, scrape_targets
from starter.embedded.supervisor import Part, Supervisor
from starter.embedded.temporal_server import keep_histories, temporal_part
from store.accounts.accounts import AccountView
from store.accounts.api_keys import KeyPair

# A worker needs a second chunk to send while the first one's outcomes are written.
CHUNKS_EACH = 2


@dataclass
class Stack:
    """A running stack: ``start``, then ``description``, then ``stop``."""

    options: StackOptions
    supervisor: Supervisor = field(init=False)
    description: dict[str, Any] = field(default_factory=dict, init=False)
    console_link: str = field(default="", init=False)
    _lock: Any = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.options.data = self.options.data.resolve()
        self.supervisor = Supervisor(self._write_description)

    async def start(self) -> None:
        """Start every part and return when campaigns can be sent; raises StackError."""
        options = self.options
        self._take_lock()
        ports = Ports(options)
        settings = self._settings()
        await _check_carriers(settings)
        local = _local_carrier(settings)
        carrier_url = os.environ.get(_base_url_name(local))
        served = carrier_url is None and local in LOCAL_SERVERS
        if served:
            carrier_url = f"http://{LOOPBACK}:{ports.carrier}"
        environment = self._environment(settings, ports, carrier_url)
        await self.supervisor.start(temporal_part(options, ports, for_temporal(environment)))
        if served:
            await self.supervisor.start(self._carrier(settings, ports, environment))
        account, pair = await asyncio.to_thread(demo_account.prepare, settings)
        temporal = f"{LOOPBACK}:{ports.temporal}"
        await until(lambda: accepts(LOOPBACK, ports.temporal), "Temporal")
        await keep_histories(temporal, for_temporal(environment))
        await self.supervisor.start(
            Part("api", _module("starter", "api"), for_api(environment), log_of(options, "api"))
        )
        ready = [options.data / f"worker-{number}.ready" for number in range(options.workers)]
        for number, file in enumerate(ready):
            file.unlink(missing_ok=True)
            worker_environment = {
                **for_worker(environment),
                "GODWIT_READY_FILE": str(file),
                "GODWIT_METRICS_ADDRESS": f"{LOOPBACK}:{ports.metrics[number]}",
            }
            name = f"worker-{number}"
            part = Part(name, _module("worker"), worker_environment, log_of(options, name), 25.0)
            await self.supervisor.start(part)
        api = api_url(options, ports)
        await until_serves(api)
        for file in ready:
            await until(partial(exists, file), "the worker")
        self.description = {
            "api": api,
            "ui": _ui_url(ports),
            "temporal": temporal,
            "carrier": carrier_url,
            "database": settings.database_url,
            "console": f"{api}{CONSOLE_PATH}",
            "pids": {},
            "account": account_json(account, pair),
        }
        token = Signatures(settings).link_token(pair.key_id)
        self.console_link = f"{api}{CONSOLE_PATH}/link/{token}"
        self._write_description()
        write_json(options.data / SCRAPE_TARGETS, scrape_targets(options, ports))

    async def stop(self) -> None:
        """Stop every part: workers first, Temporal last."""
        await self.supervisor.stop()
        for name in ("stack.json", SCRAPE_TARGETS):
            (self.options.data / name).unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()

    def _take_lock(self) -> None:
        self.options.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        keep_private(self.options.data)
        self._lock = (self.options.data / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StackError(
                f"another stack runs on {self.options.data}; stop it or choose another --data"
            ) from None

    def _settings(self) -> Settings:
        settings = Settings()
        changes: dict[str, Any] = {}
        if "GODWIT_DATABASE_URL" not in os.environ:
            changes["database_url"] = f"sqlite:///{self.options.data / 'godwit.db'}"
        if not settings.secret_key.get_secret_value():
            changes["secret_key"] = secret_key_in(self.options.data)
        if self.options.carrier:
            changes["carrier"] = self.options.carrier
        return Settings(**changes)

    def _environment(
        self, settings: Settings, ports: Ports, carrier_url: str | None
    ) -> dict[str, str]:
        environment = {
            **os.environ,
            "GODWIT_DATABASE_URL": settings.database_url,
            "GODWIT_SECRET_KEY": settings.secret_key.get_secret_value(),
            "GODWIT_CARRIER": settings.carrier,
            "GODWIT_DATA": str(self.options.data),
            "GODWIT_API_HOST": self.options.host,
            "GODWIT_API_PORT": str(ports.api),
        }
        use_temporal_at(f"{LOOPBACK}:{ports.temporal}", environment)
        reached_at = settings.public_url or api_url(self.options, ports)
        short_links = settings.short_link_base_url or f"{reached_at}/s"
        environment["GODWIT_SHORT_LINK_BASE_URL"] = short_links
        # A caller from another machine must not reach what only this one reaches.
        if not is_loopback(self.options.host):
            environment["GODWIT_LOOPBACK_WEBHOOKS"] = "false"
        environment.setdefault("GODWIT_LOOPBACK_WEBHOOKS", "true")
        environment.setdefault("GODWIT_TEMPORAL_UI_URL", _ui_url(ports))
        environment.setdefault("GODWIT_CHUNKS_AT_ONCE", str(CHUNKS_EACH * self.options.workers))
        if carrier_url is not None:
            environment[_base_url_name(_local_carrier(settings))] = carrier_url
        return environment

    def _carrier(self, settings: Settings, ports: Ports, environment: dict[str, str]) -> Part:
        name = _local_carrier(settings)
        receipts = f"{api_url(self.options, ports)}/carriers/{name}/receipts"
        command = _module(LOCAL_SERVERS[name])
        command += ["--host", LOOPBACK, "--port", str(ports.carrier)]
        command += ["--receipts-url", receipts]
        command += ["--log", str(self.options.data / "carrier.log.jsonl")]
        needed = for_carrier(environment, name)
        return Part("carrier", command, needed, log_of(self.options, "carrier"))

    def _write_description(self) -> None:
        if not self.description:
            return
        pids: dict[str, Any] = {"workers": []}
        for part in self.supervisor.parts:
            if part.name.startswith("worker-"):
                pids["workers"].append(part.pid)
            else:
                pids[part.name] = part.pid
        self.description["pids"] = pids
        write_json(self.options.data / "stack.json", self.description)


async def run_stack(options: StackOptions, ready: Callable[[dict[str, Any], str], None]) -> None:
    """Run a stack until SIGTERM or SIGINT.

    Once it is up, calls ``ready`` with its description and a one-time link to the console.
    """
    # What every part writes is for its owner: people's numbers and texts, and keys.
    os.umask(UMASK)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stack = Stack(options)
    starting = asyncio.create_task(stack.start())
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            ready(stack.description, stack.console_link)
            await stopped
    finally:
        starting.cancel()
        stopped.cancel()
        await asyncio.gather(starting, stopped, return_exceptions=True)
        await stack.stop()


def account_json(account: AccountView, pair: KeyPair) -> dict[str, Any]:
    """An account and its key as the command line prints them."""
    return {
        "accountId": account.id,
        "keyId": pair.key_id,
        "keySecret": pair.secret,
        "bearer": pair.bearer,
        "propertySid": account.property_sid,
        "senders": [sender.address for sender in account.senders if sender.active],
    }


def secret_key_in(data: Path) -> str:
    """The secret key of a data directory, made at the first call."""
    file = data / "secret.key"
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
            f.write(secrets.token_urlsafe(32))
    return file.read_text().strip()


async def _check_carriers(settings: Settings) -> None:
    """Raise UnknownCarrier, or StackError naming the variables that a carrier lacks.

    A worker would only end, and be started again and again.
    """
    for name in settings.carriers:
        carrier_module(name)
        if name in LOCAL_SERVERS:
            continue  # It gets its address from the stack.
        try:
            carrier = open_carrier(name, settings)
        except NotConfigured as error:
            missing = ", ".join(error.variables)
            raise StackError(f"the carrier {name!r} cannot be used without {missing}") from None
        await carrier.close()


def _local_carrier(settings: Settings) -> str:
    """The carrier that the stack serves itself; without one, the first in use."""
    local = (name for name in settings.carriers if name in LOCAL_SERVERS)
    return next(local, settings.carriers[0])


def _base_url_name(carrier: str) -> str:
    return f"GODWIT_CARRIER_{carrier.upper()}_BASE_URL"


def _ui_url(ports: Ports) -> str:
    """The URL of Temporal's Web UI, for this machine."""
    return f"http://{LOOPBACK}:{ports.ui}"


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]
