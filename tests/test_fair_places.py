"""Two hundred slow campaigns of one account, beside those of a stranger on the same workers."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.running import Running, stack

pytestmark = pytest.mark.stack
SLOW_CAMPAIGNS, SLOW_PEOPLE = 200, 100
SLOW_SENDER, OTHER_SENDER = "+18005559876", "+18005550123"
BEGINS_WITHIN = 5.0
PREPARED_WITHIN = 60.0


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


def post(
    api: httpx.Client, sender: str, prefix: str, people: int, start: datetime | None = None
) -> str:
    """Start a campaign, now or then, and return its id."""
    recipients = [{"to": f"+{prefix}{index:04}"} for index in range(1_000, 1_000 + people)]
    body: dict[str, object] = {"sender": sender, "text": "Hi", "recipients": recipients}
    if start is not None:
        body["scheduleDateTime"] = start.isoformat()
    answer = api.post("/v1/campaigns", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def sends(running: Running, sender: str, after: int) -> list[dict[str, str]]:
    return [row for row in running.carrier_log(after) if row["from"] == sender]


def sent_in(running: Running, sender: str, people: int, after: int, seconds: float) -> float:
    """Wait until so many messages of a sender left; how long that took, in seconds."""
    began = time.monotonic()
    while len(sends(running, sender, after)) < people:
        assert time.monotonic() - began < seconds, len(sends(running, sender, after))
        time.sleep(0.1)
    return time.monotonic() - began


def slow_down(running: Running, together: bool) -> None:
    """Start the slow campaigns: one segment a second, of all together or of each."""
    limit = ("sender", "add", SLOW_SENDER, "--rate", "1")
    if together:
        assert running.command(*limit, "--account", "demo").returncode == 0
    start = None if together else datetime.now(UTC) + timedelta(seconds=PREPARED_WITHIN)
    with ThreadPoolExecutor(8) as pool:

        def one(number: int) -> None:
            prefix = f"1415{200 + number}"
            id = post(running.api, SLOW_SENDER, prefix, SLOW_PEOPLE, start)
            if not together:
                changed = running.api.patch(f"/v1/campaigns/{id}", json={"rate": 1})
                assert changed.status_code == 200, changed.text

        list(pool.map(one, range(SLOW_CAMPAIGNS)))
    if start is not None:
        time.sleep(max(0.0, (start - datetime.now(UTC)).total_seconds()))


@pytest.mark.parametrize("together", [True, False], ids=["one sender", "each campaign"])
def test_slow_campaigns_hold_up_no_stranger(tmp_path: Path, together: bool) -> None:
    with stack(tmp_path / "data") as running:
        other = stranger(running)
        slow_down(running, together)
        # The storm of campaigns that become due at once is over when each has sent something.
        begun = 5 if together else SLOW_CAMPAIGNS
        sent_in(running, SLOW_SENDER, begun, 0, 60)
        log = len(running.carrier_log())
        post(other, OTHER_SENDER, "1417555", 10)
        ten = sent_in(running, OTHER_SENDER, 10, log, 60)
        assert ten < BEGINS_WITHIN
        other.close()
