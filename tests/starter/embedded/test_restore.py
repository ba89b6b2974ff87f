"""An embedded stack is copied amid a campaign and restored, by the commands of the documents."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from campaign.handoffs import Repeats
from tests.documented import OPERATIONS, RESTORE_DRILL, commands
from tests.running import stack

pytestmark = pytest.mark.stack
PEOPLE = 2_000


def run(directory: Path, *lines: str) -> None:
    """Run commands of an operator who is in a directory."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for line in lines:
        subprocess.run(
            ["sh", "-c", line],
            cwd=directory,
            env={**os.environ, "PATH": path},
            check=True,
            timeout=60,
        )


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="the program sqlite3 is not installed")
@pytest.mark.parametrize("repeats", [Repeats.DEDUP, Repeats.LOOKUP])
def test_a_copy_made_amid_a_campaign_is_restored_and_nothing_is_lost_or_doubled(
    tmp_path: Path, repeats: Repeats
) -> None:
    data = tmp_path / ".godwit"
    with stack(data, GODWIT_CARRIER_PRETEND_REPEATS=repeats) as running:
        assert running.command("carrier", "rate", "pretend", "200").returncode == 0
        campaign = running.send_batch(PEOPLE)
        running.wait_for(200)
        backup = [line for line in commands(OPERATIONS, "Back up") if "docker" not in line]
        run(tmp_path, *backup)
        copied = len(running.carrier_log())
        late = running.send_batch(10)
        running.wait_for(copied + 400)
        assert running.stop() == 0
    run(tmp_path, *commands(RESTORE_DRILL, "Embedded"))
    with stack(data, GODWIT_CARRIER_PRETEND_REPEATS=repeats) as running:
        counts = running.wait_for_end(campaign)["counts"]
        assert counts["sent"] + counts["delivered"] == PEOPLE
        assert running.api.get(f"/v1/campaigns/{late}").status_code == 404
        accepted = [row["reference"] for row in running.carrier_log()]
        assert len(set(accepted)) == len(accepted)
        listed = running.get(f"/v1/campaigns/{campaign}/messages?limit=1000")
        assert {message["id"] for message in listed["messages"]} <= set(accepted)
        for line in commands(RESTORE_DRILL, "Prove"):
            assert running.command(*line.split()[1:]).returncode == 0, line
