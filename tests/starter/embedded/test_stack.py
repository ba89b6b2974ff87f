"""The embedded stack as real processes: killed parts come back and no message is lost."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory

from tests.running import RECIPIENTS, Running, alive, all_pids, stack

pytestmark = pytest.mark.stack
STARTED_SECONDS = 60


def test_five_thousand_recipients_run_from_http_to_a_balanced_audit(tmp_path: Path) -> None:
    with stack(tmp_path / "data", receipts_grace_seconds=60) as running:
        described = running.description
        assert set(described) == {
            "api",
            "ui",
            "temporal",
            "carrier",
            "database",
            "console",
            "pids",
            "account",
        }
        assert set(described["pids"]) == {"temporal", "api", "carrier", "workers"}
        assert set(described["account"]) == {
            "accountId",
            "keyId",
            "keySecret",
            "bearer",
            "propertySid",
            "senders",
        }
        credits = running.get("/v1/credits")
        assert credits["sms"]["granted"] == credits["mms"]["granted"] == 1_000_000
        campaign_id = running.send_batch()
        campaign = running.wait_for_end(campaign_id)
        assert campaign["status"] == "finished"
        assert campaign["counts"]["delivered"] == RECIPIENTS
        references = {row["reference"] for row in running.carrier_log()}
        assert len(references) == len(running.carrier_log()) == RECIPIENTS
        audit = running.command("audit")
        assert audit.returncode == 0, audit.stdout + audit.stderr
        assert httpx.get(described["ui"], trust_env=False, follow_redirects=True).status_code == 200
        assert history_length(described["temporal"], campaign_id) <= 400
        pids = all_pids(running.pids())
        assert running.stop() == 0
        assert not any(alive(pid) for pid in pids)


def history_length(address: str, campaign_id: str) -> int:
    return len(history(address, campaign_id).events)


def history(address: str, campaign_id: str) -> WorkflowHistory:
    async def ask() -> WorkflowHistory:
        client = await Client.connect(address)
        return await client.get_workflow_handle(f"campaign:{campaign_id}").fetch_history()

    return asyncio.run(ask())


@pytest.mark.parametrize("victim", ["worker", "temporal"])
def test_a_part_killed_amid_5000_sends_comes_back_and_nothing_is_missing(
    tmp_path: Path, victim: str
) -> None:
    with stack(tmp_path / "data") as running:
        campaign_id = running.send_batch()
        running.wait_for(1_000)
        before = running.pids()
        pid = before["workers"][0] if victim == "worker" else before[victim]
        os.kill(pid, signal.SIGKILL)
        campaign = running.wait_for_end(campaign_id)
        assert campaign["counts"]["unknown"] == campaign["counts"]["failed"] == 0
        log = running.carrier_log()
        assert len({row["reference"] for row in log}) == len(log) == RECIPIENTS
        after = running.pids()
        now = after["workers"][0] if victim == "worker" else after[victim]
        assert now != pid and alive(now)
        assert [line["signal"] for line in running.ended_parts()] == [9]
        assert running.command("audit").returncode == 0


def test_a_worker_that_dies_while_it_is_told_to_pause_fails_no_campaign(tmp_path: Path) -> None:
    with stack(tmp_path / "data") as running:
        # The carrier answers these after three seconds, and a pause waits for answers.
        recipients = [{"to": f"+1{area}5550006"} for area in range(200, 240)]
        draft = {"sender": "+18005559876", "text": "We open at nine", "recipients": recipients}
        campaign_id = running.api.post("/v1/campaigns", json=draft).json()["id"]
        path = f"/v1/campaigns/{campaign_id}"
        while not running.get(path)["counts"]["sending"]:
            time.sleep(0.02)
        assert running.api.post(f"{path}/pause").status_code == 202
        while not was_asked_to_stop(running, campaign_id):
            time.sleep(0.02)
        assert running.get(path)["counts"]["sending"]
        os.kill(running.pids()["workers"][0], signal.SIGKILL)
        while running.get(path)["status"] != "paused":
            time.sleep(0.1)
        assert running.api.post(f"{path}/resume").status_code == 202
        campaign = running.wait_for_end(campaign_id)
        assert campaign["counts"]["delivered"] == len(recipients)
        log = running.carrier_log()
        assert len({row["reference"] for row in log}) == len(log) == len(recipients)
        assert running.command("audit").returncode == 0


def was_asked_to_stop(running: Running, campaign_id: str) -> bool:
    events = history(running.description["temporal"], campaign_id).events
    asked = EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED
    return any(event.event_type == asked for event in events)


def test_a_second_up_on_the_same_data_carries_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with stack(data) as running:
        campaign_id = running.send_batch()
        running.wait_for(500)
        first = running.description["account"]
        assert running.stop() == 0
    with stack(data) as running:
        assert running.description["account"] == first
        running.wait_for_end(campaign_id)
        log = running.carrier_log()
        assert len({row["reference"] for row in log}) == len(log) == RECIPIENTS
        second = subprocess.run(
            [sys.executable, "-m", "starter", "up", "--data", str(data)],
            capture_output=True,
            text=True,
            timeout=STARTED_SECONDS,
        )
        assert second.returncode == 1 and "another stack runs on" in second.stderr
        assert running.command("audit").returncode == 0


def test_killing_the_supervisor_leaves_nothing_behind(tmp_path: Path) -> None:
    with stack(tmp_path / "data") as running:
        pids = all_pids(running.pids())
        running.process.kill()
        running.process.wait(10)
        deadline = time.monotonic() + 40
        while any(alive(pid) for pid in pids):
            assert time.monotonic() < deadline
            time.sleep(0.1)
