"""A conversation on the embedded stack: answers, stops, help and clicks, through every way out."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from tests.running import Json, Running, stack

SENDER = "+18005559876"
YES, STOPS, HELP, UNDECIDED, CLICKS = (f"+1415555{ending}" for ending in range(2_001, 2_006))
PATIENCE_SECONDS = 60.0


class Hook(ThreadingHTTPServer):
    """A customer's server: it verifies each call with the receivers' own library and keeps it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.secret = ""
        self.events: list[Json] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/godwit"


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.events.append(Webhook(self.server.secret).verify(body, dict(self.headers)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def hook() -> Iterator[Hook]:
    """Serve the customer's server until the block ends."""
    with Hook() as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield server
        finally:
            server.shutdown()
            serving.join()


def until(done: Callable[[], Any]) -> Any:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := done()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def say(running: Running, number: str, body: str, seconds_ago: float = 0) -> None:
    """Bring a text as the carrier does."""
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    said = {"from": number, "to": SENDER, "body": body, "at": at.isoformat()}
    assert running.api.post("/carriers/pretend/inbound", json=said).status_code == 202


@pytest.mark.stack
def test_answers_stops_help_and_clicks_are_kept_told_and_shown(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with hook() as server, stack(data, GODWIT_ALLOW_PRIVATE_URLS="true") as running:
        added = running.api.post("/v1/webhooks", json={"url": server.url}).json()
        server.secret = added["secret"]
        body = {
            "sender": SENDER,
            "text": "Will you come? https://example.com/appointment",
            "shortenUrls": True,
            "recipients": [{"to": to} for to in (YES, STOPS, HELP, UNDECIDED, CLICKS)],
        }
        campaign = running.api.post("/v1/campaigns", json=body).json()["id"]
        running.wait_for(5)
        answered_from = len(running.carrier_log())

        say(running, YES, "YES")
        say(running, STOPS, "please stop texting me")
        say(running, HELP, "HELP")
        say(running, UNDECIDED, "STOP", seconds_ago=1)
        say(running, UNDECIDED, "START", seconds_ago=600)
        messages = running.get(f"/v1/campaigns/{campaign}/messages")["messages"]
        (sent,) = (message["text"] for message in messages if message["to"] == CLICKS)
        link = sent.split()[-1]
        for agent in ("Mozilla/5.0 (iPhone) Safari/605.1", "WhatsApp/2.23"):
            visit = httpx.get(link, headers={"User-Agent": agent}, trust_env=False)
            assert visit.headers["location"] == "https://example.com/appointment"

        # Through the API.
        inbound = running.get(f"/v1/inbound-messages?campaign={campaign}")["inboundMessages"]
        assert sorted((text["from"], text["text"]) for text in inbound) == [
            (YES, "YES"),
            (STOPS, "please stop texting me"),
            (HELP, "HELP"),
            (UNDECIDED, "START"),
            (UNDECIDED, "STOP"),
        ]
        assert not any(text["needsReview"] for text in inbound)
        opted_out = running.get("/v1/opt-outs")["optOuts"]
        assert [(one["number"], one["text"]) for one in opted_out] == [
            (STOPS, "please stop texting me"),
            (UNDECIDED, "STOP"),
        ]
        shown = running.wait_for_end(campaign)
        assert shown["replies"] == 5
        assert shown["clicks"] == {"total": 1, "unique": 1, "previews": 1}
        (answer,) = until(lambda: running.carrier_log(answered_from))
        assert answer["to"] == HELP

        # Through the webhook, whose signatures were verified.
        def heard(kind: str) -> list[Json]:
            return [event["data"] for event in server.events if event["type"] == kind]

        until(lambda: len(heard("message.received")) == 5 and heard("link.clicked"))
        until(lambda: len(heard("opt_out.added")) == 2)
        assert {one["from"] for one in heard("message.received")} == {YES, STOPS, HELP, UNDECIDED}
        assert len(heard("link.clicked")) == 1

        # Through the command line.
        status = running.command("status", campaign).stdout
        assert "replies: 5" in status and "clicks: 1" in status
        assert campaign in running.command("find", YES).stdout

        again = running.api.post("/v1/campaigns", json=body).json()["id"]
        counts = running.wait_for_end(again)["counts"]
        assert (counts["skipped"], counts["sent"] + counts["delivered"]) == (2, 3)
        assert running.command("audit").returncode == 0
