"""The ten likeliest incidents, each staged for real in a stack that Prometheus watches."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psycopg

from starter.embedded.options import free_port
from tests.chaos.disk import NOT_HERE
from tests.monitoring import lanes
from tests.monitoring.lanes import Lane
from tests.monitoring.prometheus import until

SENDER = "+18005559876"
UNKNOWN = 24
LATER = "+12015550199"
ENDPOINTS = 8


class CannotStage(Exception):
    """This machine cannot have the incident; the text says why."""


def nothing() -> None:
    """What others do about most incidents."""


@dataclass(frozen=True)
class Staged:
    """An incident that has begun.

    ``values`` replace the placeholders of its runbook. ``elsewhere`` is what others do about it,
    such as the carrier; it happens right ``before`` the first command of Do with that text.
    ``since`` is when it began, by the monotonic clock.
    """

    values: dict[str, str]
    elsewhere: Callable[[], None] = nothing
    before: str = ""
    since: float = field(default_factory=time.monotonic)


def worker_frozen(lane: Lane) -> Staged:
    """The only worker stands still."""
    (worker,) = lane.running.pids()["workers"]
    lane.freeze(worker)
    return Staged({"PID": str(worker)})


def temporal_away(lane: Lane) -> Staged:
    """Temporal takes connections and answers none."""
    temporal = lane.running.pids()["temporal"]
    lane.freeze(temporal)
    return Staged({"PID": str(temporal)})


def disk_full(lane: Lane) -> Staged:
    """Something else has filled the disk with the data."""
    if lane.disk is None:
        raise CannotStage(NOT_HERE)
    status = os.statvfs(lane.disk)
    ballast = lane.disk / "old-images.tar"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, status.f_bavail * status.f_frsize - 32 * 2**20)
    return Staged({"DIRECTORY": str(lane.disk), "FILE": str(ballast)})


def callbacks_dead(lane: Lane) -> Staged:
    """No endpoint of a webhook can be reached."""
    began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ports = [free_port() for _ in range(ENDPOINTS)]
    for port in ports:
        body = {"url": f"http://localhost:{port}/hooks", "events": ["message.*"]}
        added = lane.running.api.post("/v1/webhooks", json=body)
        assert added.status_code == 201, added.text
    lane.running.send_batch(20)

    def reachable() -> None:
        for port in ports:
            server = ThreadingHTTPServer(("127.0.0.1", port), Endpoint)
            Thread(target=server.serve_forever, daemon=True).start()
            lane.opened.callback(server.server_close)
            lane.opened.callback(server.shutdown)

    return Staged({"WEBHOOK": added.json()["id"], "TIME": began}, reachable)


def backlog_grows(lane: Lane) -> Staged:
    """The carrier takes each message, and needs long for it."""
    campaign = lane.running.send_batch(5_000)
    to = lane.running.get(f"/v1/campaigns/{campaign}/messages?limit=1")["messages"][0]["to"]
    return Staged({"ID": campaign, "NUMBER": to}, lane.replace_link, "resume")


def unknowns_pile_up(lane: Lane) -> Staged:
    """The carrier hangs up on every second message, and its receipts do not arrive yet."""
    lane.freeze(lane.link_process.pid)
    # One after the other, with an ordinary number after each: the carrier is not down.
    assert lane.running.command("carrier", "rate", "pretend", "16").returncode == 0
    cut = [f"+1{area}5550004" for area in range(201, 201 + UNKNOWN)]
    people = [{"to": to} for number in cut for to in (number, number[:-2] + "99")]
    # One leaves after the incident, so that the campaign can be resumed.
    later = datetime.now(UTC) + timedelta(hours=1)
    people.append({"to": LATER, "scheduleDateTime": later.isoformat()})
    campaign = {"sender": SENDER, "text": "Hello", "recipients": people}
    answer = lane.running.api.post("/v1/campaigns", json=campaign)
    assert answer.status_code == 201, answer.text
    receipts = lane.link_process.pid
    return Staged(
        {"ID": answer.json()["id"], "NUMBER": cut[0]},
        lambda: os.kill(receipts, signal.SIGCONT),
        "resume",
    )


def receipts_stop(lane: Lane) -> Staged:
    """The proxy that the carrier's receipts come through stands still."""
    assert lane.running.command("carrier", "rate", "pretend", "10").returncode == 0
    campaign = lane.running.send_batch(3_000)
    seen = "sum(increase(godwit_receipts_total[1h])) > 0"
    until(lambda: bool(lane.watching.query(seen)), 60, seen)
    lane.freeze(lane.link_process.pid)
    url = f"http://127.0.0.1:{lane.link}"
    return Staged({"PID": str(lane.link_process.pid), "URL": url, "ID": campaign})


def ledger_drift(lane: Lane) -> Staged:
    """Somebody has changed the books by hand."""
    campaign = lane.running.send_batch(20)
    lane.running.wait_for_end(campaign)
    url = _libpq_url(lane)
    change = "UPDATE hold SET posted = posted {} 1 WHERE campaign_id = '%s' AND kind = 'sms'"
    with psycopg.connect(url) as connection:
        connection.execute((change % campaign).format("-").encode())
    account = lane.running.description["account"]["accountId"]
    undo = (change % campaign).format("+")
    return Staged({"URL": url, "STATEMENT": undo, "ACCOUNT": account})


def carrier_down(lane: Lane) -> Staged:
    """The carrier takes connections and answers none."""
    carrier = lane.running.pids()["carrier"]
    lane.freeze(carrier)
    campaign = lane.running.send_batch(300)
    return Staged({"ID": campaign}, lambda: os.kill(carrier, signal.SIGCONT), "resume")


def store_away(lane: Lane) -> Staged:
    """PostgreSQL is gone."""
    assert lane.postgres is not None
    lane.postgres.process.send_signal(signal.SIGQUIT)
    lane.postgres.process.wait(30)
    directory = lane.postgres.directory
    values = {"DIRECTORY": str(directory / "data"), "FILE": str(directory / "log")}
    return Staged({**values, "URL": _libpq_url(lane)})


def _libpq_url(lane: Lane) -> str:
    """The address of the store as psql takes it."""
    return lane.environment["GODWIT_DATABASE_URL"].replace("postgresql+psycopg", "postgresql")


class Endpoint(BaseHTTPRequestHandler):
    """Takes every event."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


Stage = Callable[[Lane], Staged]
Opener = Callable[[Path], AbstractContextManager[Lane]]
# Each lane's incidents happen one after the other.
LANES: dict[str, tuple[Opener, dict[str, Stage]]] = {
    "machine": (
        lanes.on_a_small_disk,
        {
            "GodwitWorkerFrozen": worker_frozen,
            "GodwitDiskFull": disk_full,
            "GodwitCallbacksDead": callbacks_dead,
        },
    ),
    "slow": (
        lanes.with_a_slow_carrier,
        {"GodwitTemporalAway": temporal_away, "GodwitBacklogGrows": backlog_grows},
    ),
    "receipts": (
        lanes.with_receipts_over_a_link,
        {"GodwitUnknownsPileUp": unknowns_pile_up, "GodwitReceiptsStop": receipts_stop},
    ),
    "postgres": (
        lanes.on_postgres,
        {
            "GodwitLedgerDrift": ledger_drift,
            "GodwitCarrierDown": carrier_down,
            "GodwitStoreAway": store_away,
        },
    ),
}
