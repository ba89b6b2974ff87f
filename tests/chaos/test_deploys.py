"""Deploys amid a campaign: a worker that is told to stop leaves nothing in doubt."""

import os
import signal
from pathlib import Path

import pytest

from tests.running import RECIPIENTS, stack

pytestmark = pytest.mark.stack


def test_ten_deploys_of_the_worker_amid_a_campaign_leave_nothing_in_doubt(tmp_path: Path) -> None:
    # A carrier that can neither dedup nor be asked: every doubt would stay ``unknown``.
    with stack(tmp_path / "data", GODWIT_CARRIER_PRETEND_REPEATS="none") as running:
        # Slow enough for a deploy to come amid the sends each time.
        assert running.command("carrier", "rate", "pretend", "200").returncode == 0
        campaigns = [running.send_batch()]
        for _ in range(10):
            if len(running.carrier_log()) > len(campaigns) * RECIPIENTS - 1_000:
                campaigns.append(running.send_batch())
            running.wait_for(len(running.carrier_log()) + 100)
            (worker,) = running.pids()["workers"]
            os.kill(worker, signal.SIGTERM)
            running.until_replaced(worker)
        for campaign_id in campaigns:
            counts = running.wait_for_end(campaign_id)["counts"]
            assert counts["unknown"] == counts["failed"] == 0
            assert counts["sent"] + counts["delivered"] == RECIPIENTS
        log = running.carrier_log()
        assert len({row["reference"] for row in log}) == len(log) == RECIPIENTS * len(campaigns)
        ended = [(line["part"], line["exit_code"]) for line in running.ended_parts()]
        assert ended == [("worker-0", 0)] * 10
        assert running.command("audit").returncode == 0
