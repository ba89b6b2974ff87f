"""A large campaign of one account keeps a small one of another waiting for hardly a moment."""

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running import Running, stack

pytestmark = pytest.mark.stack
MANY, FEW = 10_000, 10
SENDER = "+18005550042"
FIRST_SEND_SECONDS = 5.0


def campaign(count: int, prefix: int) -> dict[str, Any]:
    """A native campaign to ordinary numbers that begin alike."""
    # No magic numbers: 5,000 endings from 1000 on, for each prefix.
    numbers = (f"+1415{prefix + index // 5_000}{1_000 + index % 5_000}" for index in range(count))
    return {"text": "We open at nine", "recipients": [{"to": number} for number in numbers]}


def another_account(running: Running) -> httpx.Client:
    """A client of the API for an account that is made now."""
    arguments = ("--sms-credits", "1000", "--sender", SENDER, "--json")
    made = running.command("account", "create", "neighbour", *arguments)
    assert made.returncode == 0, made.stdout + made.stderr
    shown = json.loads(made.stdout)
    return httpx.Client(
        base_url=running.description["api"],
        auth=(shown["keyId"], shown["keySecret"]),
        timeout=60,
        trust_env=False,
    )


def post(api: httpx.Client, body: dict[str, Any]) -> str:
    """Create a campaign and return its id."""
    answer = api.post("/v1/campaigns", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_ten_messages_leave_within_five_seconds_beside_ten_thousand(tmp_path: Path) -> None:
    with stack(tmp_path / "data") as running, another_account(running) as neighbour:
        large = post(running.api, campaign(MANY, 600))
        running.wait_for(100)
        small = post(neighbour, campaign(FEW, 555))
        answered_at = time.time()
        deadline = time.monotonic() + 3 * FIRST_SEND_SECONDS
        while not (sent := [row for row in running.carrier_log() if row["from"] == SENDER]):
            assert time.monotonic() < deadline, "nothing of the small campaign has left"
            time.sleep(0.2)
        left_at = datetime.fromisoformat(sent[0]["at"]).timestamp()
        assert left_at - answered_at < FIRST_SEND_SECONDS
        counts = running.get(f"/v1/campaigns/{large}")["counts"]
        assert counts["queued"] > 0, "the large campaign was no neighbour any more"
        deadline = time.monotonic() + 30
        while (
            not (shown := neighbour.get(f"/v1/campaigns/{small}").json())["counts"]["sent"]
            + (shown["counts"]["delivered"])
            == FEW
        ):
            assert time.monotonic() < deadline, shown
            time.sleep(0.2)
        assert running.api.post(f"/v1/campaigns/{large}/cancel").status_code in (200, 202)
        ended = wait_for_cancel(running, large)
        assert ended["counts"]["cancelled"] > 0
        log = running.carrier_log()
        assert len({row["to"] for row in log}) == len(log)
        audit = running.command("audit")
        assert audit.returncode == 0, audit.stdout + audit.stderr


def wait_for_cancel(running: Running, campaign_id: str) -> dict[str, Any]:
    """Wait until a campaign was cancelled."""
    deadline = time.monotonic() + 60
    while True:
        shown = running.get(f"/v1/campaigns/{campaign_id}")
        if shown["status"] == "cancelled":
            return shown
        assert time.monotonic() < deadline, shown
        time.sleep(0.25)
