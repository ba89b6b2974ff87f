"""Workflows terminated and deleted with the real ``temporal`` tool, beside the embedded stack."""

import json
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import binary
from tests.running import Running, stack

pytestmark = pytest.mark.stack
PEOPLE = 5
# Ten seconds on a machine of its own.
SEEN_SECONDS = 20.0
# So far ahead is what is not to leave in this test, and so near what leaves after a resume.
FAR = timedelta(hours=1)
NEAR = timedelta(seconds=25)


def temporal(running: Running, *arguments: str) -> str:
    """Run the tool against the stack's server; what it printed."""
    ran = subprocess.run(
        [binary("temporal"), *arguments, "--address", running.description["temporal"]],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def post(running: Running, first: int, now: int, after: timedelta) -> str:
    """Post a campaign of which ``now`` messages leave at once and the rest ``after`` a while."""
    start = (datetime.now(UTC) + after).isoformat()
    recipients: list[dict[str, str]] = [
        {"to": f"+1415555{first + index}", **({} if index < now else {"scheduleDateTime": start})}
        for index in range(PEOPLE)
    ]
    draft = {"sender": "+18005559876", "text": "We open at nine", "recipients": recipients}
    answer = running.api.post("/v1/campaigns", json=draft)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def shown(running: Running, campaign_id: str) -> dict[str, Any]:
    return running.get(f"/v1/campaigns/{campaign_id}")


def held(running: Running) -> int:
    return int(running.get("/v1/credits")["sms"]["held"])


def test_what_was_terminated_by_hand_is_seen_cancelled_or_waits_for_a_person(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    with stack(data) as running:
        paused = post(running, 3_000, 1, NEAR)
        until(lambda: shown(running, paused)["counts"]["queued"] == PEOPLE - 1, 10, "first sends")
        assert running.api.post(f"/v1/campaigns/{paused}/pause").status_code == 202
        until(lambda: shown(running, paused)["status"] == "paused", 10, "a pause")
        assert shown(running, paused)["pausedBy"] == "person"
        scheduled, runs = post(running, 1_000, 0, FAR), post(running, 2_000, 1, FAR)
        until(lambda: shown(running, runs)["counts"]["queued"] == PEOPLE - 1, 10, "first sends")
        campaigns = {scheduled, runs, paused}
        assert running.command("audit").returncode == 0
        closed = {id: terminated(running, id) for id in campaigns}

        began = time.monotonic()
        audit = running.command("audit")
        assert time.monotonic() - began < SEEN_SECONDS
        assert audit.returncode == 1 and "the books are in balance" in audit.stdout
        assert all(id in audit.stdout for id in campaigns), audit.stdout
        until(
            lambda: all(shown(running, id)["problem"] == "workflow_lost" for id in campaigns),
            SEEN_SECONDS,
            "every campaign says that its workflow was lost",
        )
        assert running.command("list").stdout.count("workflow_lost") == len(campaigns)
        assert "godwit resume" in running.command("status", paused).stdout
        one = json.loads(running.command("audit", runs, "--json").stdout)
        assert [finding["subject"] for finding in one["findings"]] == [runs]

        before = held(running)
        assert running.command("cancel", scheduled).returncode == 0
        until(lambda: shown(running, scheduled)["status"] == "cancelled", 10, "a cancellation")
        credits = running.get(f"/v1/campaigns/{scheduled}/report")["credits"]
        assert credits["held"]["sms"] == credits["posted"]["sms"] == 0
        assert held(running) == before - credits["voided"]["sms"] < before
        for id, run in closed.items():
            deletion = ("--workflow-id", f"campaign:{id}", "--run-id", run, "--yes")
            temporal(running, "workflow", "delete", *deletion)
        until(lambda: not any(known(running, run) for run in closed.values()), 120, "a deletion")
        accepted = len(running.carrier_log())
        assert running.stop() == 0

    with stack(data) as running:
        time.sleep(SEEN_SECONDS)
        for id, by in ((runs, "system"), (paused, "person")):
            campaign = shown(running, id)
            assert (campaign["status"], campaign["pausedBy"]) == ("paused", by)
        assert len(running.carrier_log()) == accepted == 2
        assert running.command("audit").returncode == 1
        assert running.command("resume", paused).returncode == 0
        campaign = running.wait_for_end(paused, 90)
        assert campaign["counts"]["delivered"] == PEOPLE and campaign["problem"] is None
        assert running.command("cancel", runs).returncode == 0
        until(lambda: shown(running, runs)["status"] == "cancelled", 10, "a cancellation")
        log = running.carrier_log()
        assert len({row["reference"] for row in log}) == len(log) == PEOPLE + 1
        assert held(running) == 0
        audit = running.command("audit")
        assert audit.returncode == 0, audit.stdout + audit.stderr


def terminated(running: Running, campaign_id: str) -> str:
    """Terminate a campaign's workflow by hand; the id of the run that was closed."""
    name = ("--workflow-id", f"campaign:{campaign_id}")
    described = json.loads(temporal(running, "workflow", "describe", *name, "--output", "json"))
    temporal(running, "workflow", "terminate", *name, "--reason", "by hand")
    return str(described["workflowExecutionInfo"]["execution"]["runId"])


def known(running: Running, run: str) -> bool:
    """Tell whether Temporal still has a run."""
    query = ("--query", f"RunId = '{run}'", "--output", "json")
    return bool(json.loads(temporal(running, "workflow", "list", *query) or "[]"))
