"""The embedded stack as real processes: killed parts come back and no message is lost."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

Json = dict[str, Any]
pytestmark = pytest.mark.stack
RECIPIENTS = 5_000
STARTED_SECONDS = 60


class Running:
    """A stack started by the command line, and what it said of itself."""

    def __init__(self, process: subprocess.Popen[str], description: Json, data: Path) -> None:
        self.process = process
        self.description = description
        self.data = data
        account = description["account"]
        self.api = httpx.Client(
            base_url=description["api"],
            auth=(account["keyId"], account["keySecret"]),
            timeout=60,
            trust_env=False,
        )

    def get(self, path: str) -> Json:
        """Get a native route, patient with an API that is just coming back."""
        deadline = time.monotonic() + 30
        while True:
            try:
                answer = self.api.get(path)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 200:
                shown: Json = answer.json()
                return shown
            assert time.monotonic() < deadline, f"{path} does not answer"
            time.sleep(0.1)

    def carrier_log(self) -> list[Json]:
        """Everything that the carrier took."""
        answer = httpx.get(f"{self.description['carrier']}/log?after=0", trust_env=False)
        log: list[Json] = answer.json()
        return log

    def send_batch(self, count: int = RECIPIENTS) -> str:
        """Post a mixed batch and return its id."""
        answer = self.api.post("/api/v1/messaging/batch", json=mixed_batch(count))
        assert answer.status_code == 201, answer.text
        assert set(answer.json()) == {"id", "from", "totalRecipients", "status", "createdAt"}
        return str(answer.json()["id"])

    def wait_for(self, campaign_id: str, count: int, seconds: float = 30) -> None:
        """Wait until so many messages were handed over."""
        deadline = time.monotonic() + seconds
        while len(self.carrier_log()) < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def wait_for_end(self, campaign_id: str, seconds: float = 150) -> Json:
        """Wait until a campaign has ended."""
        deadline = time.monotonic() + seconds
        while True:
            campaign = self.get(f"/v1/campaigns/{campaign_id}")
            if campaign["status"].startswith("finished"):
                return campaign
            assert time.monotonic() < deadline, campaign
            time.sleep(0.25)

    def pids(self) -> Json:
        """The processes as they are now."""
        described: Json = json.loads((self.data / "stack.json").read_text())["pids"]
        return described

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside the stack."""
        return subprocess.run(
            [sys.executable, "-m", "starter", *arguments],
            env={**os.environ, "GODWIT_DATA": str(self.data)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(40)


def mixed_batch(count: int) -> Json:
    recipients: list[Json] = []
    for index in range(count):
        # No magic numbers: 5,000 endings from 1000 on, and again with another prefix.
        to = f"+1415{555 + index // 5_000}{1_000 + index % 5_000}"
        recipient: Json = {"to": to, "body": f"Order {index} has shipped"}
        if index % 10 == 0:
            recipient["mediaUrl"] = "https://example.com/parcel.jpg"
        recipients.append(recipient)
    return {"from": "+18005559876", "recipients": recipients}


@contextmanager
def stack(data: Path, receipts_grace_seconds: int = 3) -> Iterator[Running]:
    """Run ``godwit up --json`` on free ports."""
    grace = {"GODWIT_RECEIPTS_GRACE_SECONDS": str(receipts_grace_seconds)}
    errors = (data.parent / "up.err").open("a")
    ports = ("--port", "0", "--temporal-port", "0", "--ui-port", "0")
    process = subprocess.Popen(
        [sys.executable, "-m", "starter", "up", "--json", "--data", str(data), *ports],
        env={**os.environ, **grace},
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    assert process.stdout is not None
    running = None
    try:
        line = process.stdout.readline()
        assert line, f"the stack did not start: {(data.parent / 'up.err').read_text()}"
        running = Running(process, json.loads(line), data)
        yield running
    finally:
        if running is not None:
            running.api.close()
        if process.poll() is None:
            process.terminate()
            process.wait(60)
        process.stdout.close()
        errors.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def all_pids(pids: Json) -> list[int]:
    return [pids["temporal"], pids["api"], pids["carrier"], *pids["workers"]]


def test_five_thousand_recipients_run_from_http_to_a_balanced_audit(tmp_path: Path) -> None:
    with stack(tmp_path / "data", receipts_grace_seconds=60) as running:
        described = running.description
        assert set(described) == {
            "api",
            "ui",
            "temporal",
            "carrier",
            "database",
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
    import asyncio

    from temporalio.client import Client

    async def ask() -> int:
        client = await Client.connect(address)
        described = await client.get_workflow_handle(f"campaign:{campaign_id}").describe()
        return described.history_length

    return asyncio.run(ask())


@pytest.mark.parametrize("victim", ["worker", "temporal"])
def test_a_part_killed_amid_5000_sends_comes_back_and_nothing_is_missing(
    tmp_path: Path, victim: str
) -> None:
    with stack(tmp_path / "data") as running:
        campaign_id = running.send_batch()
        running.wait_for(campaign_id, 1_000)
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
        said = (tmp_path / "up.err").read_text()
        assert "was killed by signal 9; it is started again" in said
        assert running.command("audit").returncode == 0


def test_a_second_up_on_the_same_data_carries_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with stack(data) as running:
        campaign_id = running.send_batch()
        running.wait_for(campaign_id, 500)
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
