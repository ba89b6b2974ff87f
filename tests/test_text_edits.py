"""A text edited amid 5,000 sends while workers are killed reaches everybody at most once."""

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.running import RECIPIENTS, Running, stack

pytestmark = pytest.mark.stack
RATE = 1_000
EDIT_AFTER = 1_000
KILLS = 3


class Carrier(ThreadingHTTPServer):
    """Speaks the pretend carrier's protocol, and keeps the texts that it took."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.taken: dict[str, dict[str, Any]] = {}
        self.repeats = 0

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections of workers that were killed."""

    def take(self, message: dict[str, Any]) -> str:
        """Take a message once for each reference; returns its id."""
        with self.lock:
            if message["reference"] in self.taken:
                self.repeats += 1
            first = self.taken.setdefault(message["reference"], message)
            assert first["body"] == message["body"], "a repeat has another text"
        return f"sms_{message['reference']}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Carrier

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        answer = {"id": self.server.take(json.loads(body)), "status": "accepted"}
        content = json.dumps(answer).encode()
        self.send_response(201)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def carrier() -> Iterator[Carrier]:
    with Carrier() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def text(name: str, hour: str) -> str:
    return f"Dear {name}, we open at {hour}"


def post(running: Running) -> str:
    recipients = [
        {"to": f"+1415{555 + n // 5_000}{1_000 + n % 5_000}", "fields": {"name": f"A{n}"}}
        for n in range(RECIPIENTS)
    ]
    body = {"sender": "+18005559876", "text": text("{{name}}", "nine"), "recipients": recipients}
    campaign = running.api.post("/v1/campaigns", json=body)
    assert campaign.status_code == 201, campaign.text
    campaign_id = str(campaign.json()["id"])
    slower = running.api.patch(f"/v1/campaigns/{campaign_id}", json={"rate": RATE})
    assert slower.status_code == 200, slower.text
    return campaign_id


def kill_workers(running: Running) -> None:
    for _ in range(KILLS):
        (worker,) = running.pids()["workers"]
        os.kill(worker, signal.SIGKILL)
        running.until_replaced(worker)
        time.sleep(1)


@pytest.mark.timeout(480)
def test_a_text_edited_amid_sends_and_kills_reaches_everybody_once(tmp_path: Path) -> None:
    with carrier() as taker:
        url = f"http://127.0.0.1:{taker.server_port}"
        with stack(tmp_path / "data", GODWIT_CARRIER_PRETEND_BASE_URL=url) as running:
            campaign_id = post(running)
            deadline = time.monotonic() + 60
            while len(taker.taken) < EDIT_AFTER:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            killing = threading.Thread(target=kill_workers, args=(running,))
            killing.start()
            change = {"text": text("{{name}}", "ten")}
            answer = running.api.patch(f"/v1/campaigns/{campaign_id}", json=change)
            assert answer.status_code == 200, answer.text
            killing.join()
            counts = running.wait_for_end(campaign_id)["counts"]
            texts = of_each_recipient(running, campaign_id)
            credits = running.get("/v1/credits")["sms"]
            taken = {message["to"]: message["body"] for message in taker.taken.values()}
            got = Counter(body.rpartition(" ")[2] for body in taken.values())
            sys.stdout.write(f"{dict(got)}, repeats at the carrier: {taker.repeats}, {counts}\n")
            audit = running.command("audit", seconds=120)

    assert len(taken) == len(taker.taken) == RECIPIENTS
    assert got["nine"] >= EDIT_AFTER and got["ten"] > 0 and got.total() == RECIPIENTS
    assert set(got) == {"nine", "ten"}
    assert texts == taken
    assert counts["sent"] + counts["delivered"] == RECIPIENTS
    assert credits["held"] == 0
    assert audit.returncode == 0, audit.stdout + audit.stderr


def of_each_recipient(running: Running, campaign_id: str) -> dict[str, str]:
    """The text of each recipient, as the API shows it."""
    texts: dict[str, str] = {}
    path = f"/v1/campaigns/{campaign_id}/messages?limit=1000"
    following = ""
    while following is not None:
        page = running.get(f"{path}&cursor={following}" if following else path)
        texts |= {message["to"]: message["text"] for message in page["messages"]}
        following = page["next"]
    return texts
