"""Two hundred slow campaigns of one account, beside those of a stranger on the same workers."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.running import Running, stack

pytestmark = pytest.mark.stack
SLOW_CAMPAIGNS, SLOW_PEOPLE = 200, 20
SLOW_SENDER, OTHER_SENDER = "+18005559876", "+18005550123"
BEGINS_WITHIN = 5.0


def stranger(running: Running) -> httpx.Client:
    """Another account, with a sender and credits of its own."""
    credits = ("--sms-credits", "100000", "--sender", OTHER_SENDER)
    made = running.command("account", "create", "stranger", *credits, "--json")
    assert made.returncode == 0, made.stderr
    keys = json.loads(made.stdout)
    return httpx.Client(
        base_url=running.description["api"],
        auth=(keys["keyId"], keys["keySecret"]),
        timeout=60,
        trust_env=False,
    )


def post(api: httpx.Client, sender: str, prefix: str, people: int) -> None:
    """Start a campaign."""
    recipients = [{"to": f"+{prefix}{index:04}"} for index in range(1_000, 1_000 + people)]
    body = {"sender": sender, "text": "Hi", "recipients": recipients}
    answer = api.post("/v1/campaigns", json=body)
    assert answer.status_code == 201, answer.text


def sends(running: Running, sender: str, after: int) -> list[dict[str, str]]:
    return [row for row in running.carrier_log(after) if row["from"] == sender]


def sent_in(running: Running, sender: str, people: int, after: int, seconds: float) -> float:
    """Wait until so many messages of a sender left; how long that took, in seconds."""
    began = time.monotonic()
    while len(sends(running, sender, after)) < people:
        assert time.monotonic() - began < seconds, len(sends(running, sender, after))
        time.sleep(0.1)
    return time.monotonic() - began


def slow_down(running: Running) -> None:
    """Start the slow campaigns, whose sender sends one segment a second."""
    limit = ("sender", "add", SLOW_SENDER, "--rate", "1", "--account", "demo")
    assert running.command(*limit).returncode == 0
    with ThreadPoolExecutor(8) as pool:

        def one(number: int) -> None:
            post(running.api, SLOW_SENDER, f"1415{200 + number}", SLOW_PEOPLE)

        list(pool.map(one, range(SLOW_CAMPAIGNS)))


def test_slow_campaigns_hold_up_no_stranger(tmp_path: Path) -> None:
    with stack(tmp_path / "data") as running, stranger(running) as other:
        slow_down(running)
        sent_in(running, SLOW_SENDER, 5, 0, 60)
        log = len(running.carrier_log())
        post(other, OTHER_SENDER, "1417555", 10)
        assert sent_in(running, OTHER_SENDER, 10, log, 60) < BEGINS_WITHIN
