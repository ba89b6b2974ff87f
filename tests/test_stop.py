"""The emergency brake works while Temporal is frozen, and what it held goes on without a burst."""

import os
import signal
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.running import Running, stack
from tests.test_lost_workflows import shown, until

pytestmark = pytest.mark.stack
PEOPLE = 5_000
# Slow enough for sends to go on after Temporal is frozen.
RATE = 60
LAST_SEND_SECONDS = 1.0
QUIET_SECONDS = 4.0


def instants(running: Running) -> list[float]:
    """When each message reached the carrier, in seconds since 1970."""
    return [datetime.fromisoformat(row["at"]).timestamp() for row in running.carrier_log()]


def test_a_stop_of_everything_holds_within_a_second_while_temporal_is_frozen(
    tmp_path: Path,
) -> None:
    with stack(tmp_path / "data") as running:
        campaign_id = running.send_batch(PEOPLE)
        answer = running.api.patch(f"/v1/campaigns/{campaign_id}", json={"rate": RATE})
        assert answer.status_code == 200
        running.wait_for(2 * RATE)
        os.kill(running.pids()["temporal"], signal.SIGSTOP)
        frozen = len(running.carrier_log())
        running.wait_for(frozen + 50)

        began = time.time()
        stopped = running.command("stop", "--all")
        at = time.time()
        assert stopped.returncode == 0, stopped.stderr
        assert "every account" in stopped.stdout
        time.sleep(QUIET_SECONDS)
        sent = instants(running)
        assert frozen < len(sent) < PEOPLE
        assert max(sent) > began
        assert max(sent) - at <= LAST_SEND_SECONDS
        campaign = shown(running, campaign_id)
        assert (campaign["status"], campaign["problem"]) == ("paused", "stopped")
        assert "STOPPED  every account" in running.command("list").stdout

        os.kill(running.pids()["temporal"], signal.SIGCONT)
        until(lambda: shown(running, campaign_id)["ordered"] is None, 60, "the pause is followed")
        assert len(running.carrier_log()) == len(sent)
        started = running.command("start", "--all")
        assert started.returncode == 0, started.stderr
        running.wait_for(len(sent) + 2 * RATE, 60)
        assert running.api.patch(f"/v1/campaigns/{campaign_id}", json={"rate": None}).is_success
        counts = running.wait_for_end(campaign_id)["counts"]
        assert counts["total"] == PEOPLE
        references = [row["reference"] for row in running.carrier_log()]
        assert len(set(references)) == len(references) == PEOPLE
        audit = running.command("audit")
        assert audit.returncode == 0, audit.stdout + audit.stderr
