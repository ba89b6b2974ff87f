"""The installation of the Compose files with an account, as customers and the judge see it."""

import json
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql

from starter.embedded.demo_account import DEMO_NAME, DEMO_SENDERS
from tests.chaos.arena import carrier_log
from tests.cluster.compose import Service, read_services
from tests.cluster.containers import Installation
from tests.cluster.images import ROOT
from tests.cluster.variables import read_env

# As an operator names them, the last one for tests.
FILES = (
    "docker-compose.yml",
    "deploy/temporal-roles.yml",
    "deploy/api-replicas.yml",
    "tests/cluster/hasty.yml",
)
SCALE = {"worker": 3}
SECRETS = ("GODWIT_SECRET_KEY", "POSTGRES_PASSWORD", "STORE_PASSWORD", "TEMPORAL_STORE_PASSWORD")
# Versions of workers, as the chart has them; the image's tag here.
BUILD = "today"
DYNAMIC_CONFIG = "/etc/temporal/dynamic/godwit.yaml"
# A version counts as drained after minutes, by when a cluster of this machine is gone.
DRAINED_SOON = """
matching.wv.VersionDrainageStatusVisibilityGracePeriod:
  - value: 5s
matching.wv.VersionDrainageStatusRefreshInterval:
  - value: 5s
"""
CREDITS = "10000000"
API_PORT = 8080
# Values that are read back from the database in one piece.
_BINARY = "SELECT table_name, column_name FROM information_schema.columns WHERE data_type = 'bytea'"


@dataclass
class Cluster:
    """The running services, an account in them, and a client that goes through the proxy."""

    installation: Installation
    api: httpx.AsyncClient
    account: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address of the store's database."""
        environment = self._worker
        address = environment["GODWIT_DATABASE_URL"]
        return address.replace("godwit@", f"godwit:{environment['PGPASSWORD']}@")

    @property
    def data(self) -> Path:
        """Where the logs are, and Temporal's records once they were saved there."""
        return self.installation.home / "data"

    @property
    def temporal(self) -> tuple[str, str]:
        """The address of the frontends, and the namespace."""
        environment = self._worker
        return environment["TEMPORAL_ADDRESS"], environment["TEMPORAL_NAMESPACE"]

    async def carrier_log(self, after: int = 0) -> list[dict[str, Any]]:
        """Everything that the carrier has accepted, but for the first ``after``."""
        return await carrier_log(self._worker["GODWIT_CARRIER_PRETEND_BASE_URL"], after)

    def save_temporal_records(self) -> None:
        """Write what Temporal's database holds beside the logs, so that it is searched too."""
        with self.connect("temporal") as connection:
            for table, column in connection.execute(_BINARY).fetchall():
                query = sql.SQL("SELECT {} FROM {}").format(
                    sql.Identifier(column), sql.Identifier(table)
                )
                values = (row[0] for row in connection.execute(query) if row[0])
                (self.data / "logs" / f"{table}.{column}").write_bytes(b"\n".join(values))

    def connections(self) -> dict[str, int]:
        """How many connections PostgreSQL has, by role, and its limit."""
        with self.connect("postgres") as connection:
            query = "SELECT usename, count(*) FROM pg_stat_activity WHERE usename <> '' GROUP BY 1"
            counts = {str(name): int(count) for name, count in connection.execute(query)}
            row = connection.execute("SHOW max_connections").fetchone()
            assert row is not None
            return {**counts, "limit": int(row[0])}

    def connect(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of PostgreSQL's administrator to one of its databases."""
        (server,) = self.installation.of("postgres")
        return psycopg.connect(
            host=server.place.address,
            user="postgres",
            password=server.environment["POSTGRES_PASSWORD"],
            dbname=database,
        )

    @property
    def _worker(self) -> dict[str, str]:
        return self.installation.of("worker")[0].environment


@asynccontextmanager
async def cluster(keep: Path | None = None, files: Sequence[str] = FILES) -> AsyncIterator[Cluster]:
    """Run everything in ``files`` until the block ends, on secrets of its own; then delete it.

    Logs are copied to the directory ``keep`` in the end, in the place of what is there.

    Raises:
        NotHere: a program is missing.
        DidNotStart: a service did not come up.
    """
    variables = read_env(ROOT / ".env.example")
    variables |= {name: secrets.token_urlsafe(24) for name in SECRETS}
    # An operator sets what the example leaves open; nothing here, so that defaults are tried.
    variables = {name: value for name, value in variables.items() if value}
    variables["GODWIT_WORKER_BUILD"] = BUILD
    services = read_services(ROOT, [ROOT / file for file in files], variables, SCALE)
    home = Path(tempfile.mkdtemp(prefix="godwit-cluster-"))
    # PostgreSQL runs as another user and must reach its directory.
    home.chmod(0o711)
    _drain_soon(services, home / "dynamic.yaml")
    installation = Installation(services, home)
    try:
        await installation.up()
        address = f"http://{installation.network.address('api')}:{API_PORT}"
        async with httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as api:
            running = Cluster(installation, api)
            running.account = await _make_account(installation)
            api.auth = httpx.BasicAuth(running.account["keyId"], running.account["keySecret"])
            yield running
    finally:
        await installation.down()
        if keep is not None and installation.logs.is_dir():
            shutil.rmtree(keep, ignore_errors=True)
            shutil.copytree(installation.logs, keep)
        shutil.rmtree(home, ignore_errors=True)


def _drain_soon(services: dict[str, Service], file: Path) -> None:
    """Add what only a test wants to Temporal's dynamic configuration."""
    for name, service in services.items():
        if said := service.files.get(DYNAMIC_CONFIG):
            file.write_text(said.read_text("utf-8") + DRAINED_SOON, "utf-8")
            services[name] = replace(service, files={**service.files, DYNAMIC_CONFIG: file})


async def _make_account(installation: Installation) -> dict[str, Any]:
    command = ["godwit", "account", "create", DEMO_NAME, "--json"]
    command += ["--sms-credits", CREDITS, "--mms-credits", CREDITS]
    for sender in DEMO_SENDERS:
        command += ["--sender", sender]
    made: dict[str, Any] = json.loads(await installation.run("api", *command))
    return made
