"""Orders that were answered hold when Temporal and the API are killed before they are carried out,
and when Temporal's database is lost.
"""

import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.running import Running, stack
from tests.test_lost_workflows import shown, until

pytestmark = pytest.mark.stack
PEOPLE = 300
RATE = 20
SOON, FAR = timedelta(seconds=4), timedelta(hours=1)
UNDER_WAY_SECONDS = 1.5
QUIET_SECONDS = 4.0


def post(running: Running, count: int, first: int, after: timedelta) -> str:
    """Post a campaign that begins ``after`` a while; its id."""
    recipients = [{"to": f"+1415555{first + index}"} for index in range(count)]
    draft = {
        "sender": "+18005559876",
        "text": "We open at nine",
        "recipients": recipients,
        "scheduleDateTime": (datetime.now(UTC) + after).isoformat(),
    }
    answer = running.api.post("/v1/campaigns", json=draft)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def order(running: Running, campaign_id: str, name: str) -> dict[str, Any]:
    """Give an order, which is answered at once whether Temporal is there or not."""
    began = time.monotonic()
    answer = running.api.post(f"/v1/campaigns/{campaign_id}/{name}")
    assert answer.status_code == 202, answer.text
    assert time.monotonic() - began < 10
    campaign: dict[str, Any] = answer.json()
    return campaign


def kill_temporal_and_the_api(running: Running) -> None:
    pids = running.pids()
    for part in ("api", "temporal"):
        os.kill(pids[part], signal.SIGKILL)
    parts = ("api", "temporal")
    until(lambda: all(running.pids()[part] != pids[part] for part in parts), 60, "both run again")


def carried_out(running: Running, campaign_id: str, status: str) -> bool:
    campaign = shown(running, campaign_id)
    return (campaign["status"], campaign["ordered"]) == (status, None)


def sends_nothing(running: Running) -> int:
    """See that nothing leaves once what was under way has left; how many have left so far."""
    time.sleep(UNDER_WAY_SECONDS)
    before = len(running.carrier_log())
    time.sleep(QUIET_SECONDS)
    assert len(running.carrier_log()) == before
    return before


def test_answered_orders_hold_whatever_is_killed_and_when_temporals_database_is_lost(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    with stack(data) as running:
        slow = post(running, PEOPLE, 1_000, SOON)
        assert running.api.patch(f"/v1/campaigns/{slow}", json={"rate": RATE}).status_code == 200
        waiting, other = post(running, 5, 2_000, FAR), post(running, 5, 3_000, FAR)
        running.wait_for(RATE)

        os.kill(running.pids()["temporal"], signal.SIGSTOP)
        paused = order(running, slow, "pause")
        assert (paused["status"], paused["pausedBy"]) == ("paused", "person")
        assert order(running, waiting, "cancel")["ordered"] == "cancel"
        kill_temporal_and_the_api(running)
        left = sends_nothing(running)
        assert left < PEOPLE
        until(lambda: carried_out(running, slow, "paused"), 60, "the pause is carried out")
        until(lambda: carried_out(running, waiting, "cancelled"), 60, "the cancel is carried out")
        assert shown(running, slow)["pausedBy"] == "person"

        os.kill(running.pids()["temporal"], signal.SIGSTOP)
        order(running, slow, "resume")
        kill_temporal_and_the_api(running)
        running.wait_for(left + RATE, 60)
        order(running, slow, "pause")
        left = sends_nothing(running)

        os.kill(running.pids()["temporal"], signal.SIGSTOP)
        order(running, other, "cancel")
        os.kill(running.pids()["temporal"], signal.SIGKILL)
        assert running.stop() == 0
    for file in data.glob("temporal.db*"):
        file.unlink()

    with stack(data) as running:
        until(lambda: carried_out(running, other, "cancelled"), 60, "the cancel is carried out")
        until(lambda: carried_out(running, slow, "paused"), 60, "the campaign is revived")
        assert shown(running, slow)["pausedBy"] == "person"
        assert sends_nothing(running) == left < PEOPLE
        assert running.api.patch(f"/v1/campaigns/{slow}", json={"rate": None}).status_code == 200
        order(running, slow, "resume")
        assert running.wait_for_end(slow)["counts"]["delivered"] == PEOPLE
        log = running.carrier_log()
        assert len({row["reference"] for row in log}) == len(log) == PEOPLE
        assert running.get("/v1/credits")["sms"]["held"] == 0
        audit = running.command("audit")
        assert audit.returncode == 0, audit.stdout + audit.stderr
