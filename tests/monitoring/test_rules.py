"""Board and rules: they ask for metrics that there are, and the alerts fire and clear."""

import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.prometheus import (
    BOARD,
    MONITORING,
    NOT_INSTALLED,
    RULES,
    names_in,
    prometheus,
)
from tests.monitoring.runbooks import PAGES
from tests.running import stack
from tests.telemetry.test_metrics import exposed

CASES: list[dict[str, Any]] = yaml.safe_load((MONITORING / "rules-test.yml").read_text("utf-8"))[
    "tests"
]
EXPRESSIONS = [*BOARD, *(rule["expr"] for rule in RULES)]
# Empty while all is well: nothing fails, nothing is mended, no carrier's receipts are late.
OFTEN_EMPTY = re.compile(r"_failure_total|_failures_total|reconciler_actions_total")

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)"
)


def test_board_and_rules_ask_for_metrics_that_there_are() -> None:
    names = set().union(*map(names_in, EXPRESSIONS))
    assert names <= exposed().keys()


def test_every_alert_names_a_runbook_that_is_there_and_is_tested() -> None:
    tested = {case["alert_rule_test"][0]["alertname"] for case in CASES}
    assert tested == {rule["alert"] for rule in RULES}
    for alert, page in PAGES.items():
        assert page.is_file(), alert


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


@pytest.mark.stack
@pytest.mark.timeout(400)
def test_every_query_of_board_and_rules_has_data(tmp_path: Path) -> None:
    if shutil.which("prometheus") is None:
        pytest.skip(NOT_INSTALLED)
    with stack(tmp_path / "data") as running:
        targets = running.data / "prometheus-targets.json"
        with prometheus(tmp_path, targets) as watching:
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
