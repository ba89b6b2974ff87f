"""A stack started by the command line, as a test's own."""

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

from tests.test_layout import ROOT

Json = dict[str, Any]
RECIPIENTS = 5_000


class Running:
    """A stack started by the command line, and what it said of itself."""

    def __init__(
        self, process: subprocess.Popen[str], description: Json, data: Path, tree: str = str(ROOT)
    ) -> None:
        self.process = process
        self.description = description
        self.data = data
        self.tree = tree
        account = description["account"]
        self.api = httpx.Client(
            base_url=description["api"],
            auth=(account["keyId"], account["keySecret"]),
            timeout=60,
            trust_env=False,
        )
        self.carrier = httpx.Client(base_url=description["carrier"], trust_env=False)

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

    def carrier_log(self, after: int = 0) -> list[Json]:
        """Everything that the carrier took, but for the first ``after``."""
        log: list[Json] = self.carrier.get(f"/log?after={after}").json()
        return log

    def send_batch(self, count: int = RECIPIENTS) -> str:
        """Post a mixed batch and return its id."""
        answer = self.api.post("/api/v1/messaging/batch", json=mixed_batch(count))
        assert answer.status_code == 201, answer.text
        assert set(answer.json()) == {"id", "from", "totalRecipients", "status", "createdAt"}
        return str(answer.json()["id"])

    def wait_for(self, count: int, seconds: float = 30) -> None:
        """Wait until so many messages were handed over."""
        deadline = time.monotonic() + seconds
        while not self.carrier_log(count - 1):
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

    def until_replaced(self, worker: int, seconds: float = 30) -> None:
        """Wait until another worker runs in the place of this one."""
        deadline = time.monotonic() + seconds
        while alive(worker) or worker in self.pids()["workers"]:
            assert time.monotonic() < deadline, "the worker was not replaced"
            time.sleep(0.02)

    def ended_parts(self) -> list[Json]:
        """The log lines about parts that ended and were started again."""
        lines = (self.data.parent / "up.err").read_text().splitlines()
        said = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in said if line["event"] == "a part ended and is started again"]

    def command(self, *arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command beside the stack."""
        return subprocess.run(
            [sys.executable, "-m", "starter", *arguments],
            cwd=self.tree,
            env={**os.environ, "GODWIT_DATA": str(self.data)},
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(40)


def mixed_batch(count: int) -> Json:
    """A Textingline batch, every tenth of it an MMS."""
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
def stack(
    data: Path,
    receipts_grace_seconds: int = 3,
    host: str = "127.0.0.1",
    tree: str = str(ROOT),
    **settings: str,
) -> Iterator[Running]:
    """Run ``godwit up --json`` of a tree on free ports; ``settings`` are its variables."""
    settings["GODWIT_RECEIPTS_GRACE_SECONDS"] = str(receipts_grace_seconds)
    errors = (data.parent / "up.err").open("a")
    ports = ["--port", "0", "--temporal-port", "0", "--ui-port", "0", "--host", host]
    ports += ["--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "starter", "up", "--json", "--data", str(data), *ports],
        cwd=tree,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    assert process.stdout is not None
    running = None
    try:
        line = process.stdout.readline()
        assert line, f"the stack did not start: {(data.parent / 'up.err').read_text()}"
        running = Running(process, json.loads(line), data, tree)
        yield running
    finally:
        if running is not None:
            running.api.close()
            running.carrier.close()
        if process.poll() is None:
            process.terminate()
            process.wait(60)
        process.stdout.close()
        errors.close()


def alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def all_pids(pids: Json) -> list[int]:
    """Every process of a stack."""
    return [pids["temporal"], pids["api"], pids["carrier"], *pids["workers"]]
