"""Board, rules and runbooks: known metrics, tested alerts, and incidents under Prometheus."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from starter.embedded.options import free_port
from tests.running import Running, stack
from tests.telemetry.test_metrics import exposed
from tests.test_layout import ROOT

MONITORING = ROOT / "deploy" / "monitoring"
RUNBOOKS = "https://github.com/godwit-sms/godwit/blob/main/"
RULES: list[dict[str, Any]] = yaml.safe_load((MONITORING / "rules.yml").read_text("utf-8"))[
    "groups"
][0]["rules"]
CASES: list[dict[str, Any]] = yaml.safe_load((MONITORING / "rules-test.yml").read_text("utf-8"))[
    "tests"
]
PANELS: list[dict[str, Any]] = json.loads((MONITORING / "grafana-board.json").read_text("utf-8"))[
    "panels"
]
BOARD = [target["expr"] for panel in PANELS for target in panel["targets"]]
EXPRESSIONS = [*BOARD, *(rule["expr"] for rule in RULES)]
ALERT_SECONDS = 60.0
# Empty while all is well: nothing fails, nothing is mended, no carrier's receipts are late.
OFTEN_EMPTY = re.compile(r"_failure_total|_failures_total|reconciler_actions_total")

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)"
)


def names_in(expression: str) -> set[str]:
    """The metrics of ours in an expression, as docs/metrics.md has them."""
    found = re.findall(r"godwit_[a-z_]+", expression)
    return {re.sub(r"_seconds_bucket$", "_seconds", name) for name in found}


def test_board_and_rules_ask_for_metrics_that_there_are() -> None:
    names = set().union(*map(names_in, EXPRESSIONS))
    assert names <= exposed().keys()


def test_every_alert_names_a_runbook_that_is_there_and_is_tested() -> None:
    tested = {case["alert_rule_test"][0]["alertname"] for case in CASES}
    assert tested == {rule["alert"] for rule in RULES}
    for rule in RULES:
        page = rule["annotations"]["runbook_url"].removeprefix(RUNBOOKS)
        assert (ROOT / page).is_file(), rule["alert"]


@needs_promtool
@pytest.mark.parametrize("command", ["check rules rules.yml", "test rules rules-test.yml"])
def test_the_rules_are_valid_and_each_fires_within_a_minute_and_clears(command: str) -> None:
    done = subprocess.run(
        ["promtool", *command.split()], cwd=MONITORING, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("name", ["prometheus.yml", "prometheus-local.yml"])
def test_the_configurations_of_prometheus_are_valid(name: str) -> None:
    command = ["promtool", "check", "config", "--syntax-only", str(MONITORING / name)]
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == 0


class Prometheus:
    """A running Prometheus."""

    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=f"http://{address}/api/v1/", trust_env=False)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression has now."""
        answer = self._http.get("query", params={"query": expression})
        assert answer.status_code == 200, (expression, answer.text)
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def firing(self) -> set[str]:
        """The alerts that fire."""
        alerts = self._http.get("alerts").json()["data"]["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}


@contextmanager
def prometheus(directory: Path, targets: Path) -> Iterator[Prometheus]:
    """Run Prometheus with the local configuration, on the targets of a stack."""
    text = (MONITORING / "prometheus-local.yml").read_text("utf-8")
    text = text.replace("../../.godwit/prometheus-targets.json", str(targets))
    text = text.replace("rules.yml", str(MONITORING / "rules.yml"))
    config = directory / "prometheus.yml"
    config.write_text(text, "utf-8")
    address = f"127.0.0.1:{free_port()}"
    command = ["prometheus", f"--config.file={config}", f"--web.listen-address={address}"]
    command.append(f"--storage.tsdb.path={directory / 'tsdb'}")
    with (directory / "prometheus.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        watching = Prometheus(address)
        try:
            yield watching
        finally:
            watching.close()
            process.terminate()
            process.wait(30)


def until(true: Callable[[], bool], seconds: float) -> float:
    """Wait for something; returns after how many seconds it was so."""
    began = time.monotonic()
    while True:
        try:
            if true():
                return time.monotonic() - began
        except httpx.TransportError:
            pass
        assert time.monotonic() - began < seconds
        time.sleep(0.5)


Watched = tuple[Running, Prometheus]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A stack that Prometheus watches."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed (Debian: prometheus)")
    directory = tmp_path_factory.mktemp("watched")
    with stack(directory / "data", GODWIT_SEND_TIMEOUT_SECONDS="2") as running:
        targets = running.data / "prometheus-targets.json"
        with prometheus(directory, targets) as watching:
            yield running, watching


@pytest.mark.stack
@pytest.mark.timeout(400)
def test_every_query_of_board_and_rules_has_data(watched: Watched) -> None:
    running, watching = watched
    assert running.command("carrier", "rate", "pretend", "500").returncode == 0
    running.send_batch(5_000)
    # The carrier refuses the first of these.
    people = [{"to": f"+1415555{number:04d}", "body": "Hello"} for number in range(1, 11)]
    batch = {"from": "+18005559876", "recipients": people}
    assert running.api.post("/api/v1/messaging/batch", json=batch).status_code == 201

    def missing() -> list[str]:
        return [
            expression
            for expression in BOARD
            if not OFTEN_EMPTY.search(expression) and not watching.query(expression)
        ]

    deadline = time.monotonic() + 90
    while (empty := missing()) and time.monotonic() < deadline:
        time.sleep(2)
    assert empty == []
    # A rule has no series while all is well; what it asks for has.
    for name in set().union(*(names_in(rule["expr"]) for rule in RULES)):
        assert watching.query(name), name
    assert len(watching.query("up == 1")) == 2


def incident_carrier(running: Running) -> Callable[[], None]:
    """The carrier takes connections and answers none."""
    carrier = running.pids()["carrier"]
    os.kill(carrier, signal.SIGSTOP)
    running.send_batch(300)
    return lambda: os.kill(carrier, signal.SIGCONT)


def incident_drift(running: Running) -> Callable[[], None]:
    """Somebody has changed the books by hand."""
    running.wait_for_end(running.send_batch(20))

    def change(by: int) -> None:
        with sqlite3.connect(running.data / "godwit.db", timeout=30) as database:
            database.execute(
                "UPDATE hold SET posted = posted + ? WHERE rowid = "
                "(SELECT max(rowid) FROM hold WHERE kind = 'sms')",
                (by,),
            )

    change(-1)
    return lambda: change(1)


def incident_worker(running: Running) -> Callable[[], None]:
    """The only worker stands still."""
    (worker,) = running.pids()["workers"]
    os.kill(worker, signal.SIGSTOP)
    return lambda: os.kill(worker, signal.SIGCONT)


def incident_temporal(running: Running) -> Callable[[], None]:
    """Temporal takes connections and answers none."""
    temporal = running.pids()["temporal"]
    os.kill(temporal, signal.SIGSTOP)
    return lambda: os.kill(temporal, signal.SIGCONT)


INCIDENTS = {
    "GodwitLedgerDrift": incident_drift,
    "GodwitCarrierDown": incident_carrier,
    "GodwitWorkerFrozen": incident_worker,
    "GodwitTemporalAway": incident_temporal,
}


@pytest.mark.stack
@pytest.mark.timeout(400)
@pytest.mark.parametrize("alert", INCIDENTS)
def test_an_incident_is_alerted_within_a_minute_and_clears(watched: Watched, alert: str) -> None:
    running, watching = watched
    until(lambda: bool(watching.query("up == 1")), 60)
    assert alert not in watching.firing()
    mend = INCIDENTS[alert](running)
    try:
        took = until(lambda: alert in watching.firing(), ALERT_SECONDS)
    finally:
        mend()
    cleared = until(lambda: alert not in watching.firing(), 2 * ALERT_SECONDS)
    sys.stderr.write(f"{alert}: alert after {took:.0f} s, none {cleared:.0f} s after its end\n")
