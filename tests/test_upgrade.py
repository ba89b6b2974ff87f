"""An upgrade from the tree before the newest migration, with campaigns on their way."""

import io
import re
import subprocess
import sys
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.running import Json, Running, stack
from tests.test_layout import ROOT
from tests.test_lost_workflows import until

pytestmark = pytest.mark.stack
VERSIONS = Path("store", "migrations", "versions")
PEOPLE = 2_000
LATER = timedelta(seconds=60)


def git(*arguments: str) -> bytes:
    """What git says of this tree; the test is skipped where it knows nothing of its past."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True)
    if done.returncode:
        pytest.skip(f"this tree has no history: {done.stderr.decode().strip()}")
    return done.stdout


def migrations(tree: Path) -> set[str]:
    return {file.name for file in (tree / VERSIONS).glob("0*.py")}


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    """The tree as it was before the newest migration came."""
    newest = VERSIONS / max(migrations(ROOT))
    commits = git("log", "--diff-filter=A", "--format=%H", "--", str(newest)).split()
    if not commits:
        pytest.skip("the newest migration is in no commit")
    archive = git("archive", f"{commits[-1].decode()}^")
    tree = tmp_path / "previous"
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(tree, filter="data")
    assert migrations(tree) == migrations(ROOT) - {newest.name}
    install_what_only(tree)
    return tree


def requirements(tree: Path) -> dict[str, str]:
    """The pinned packages of a tree: each with its lines of the lock."""
    lock = (tree / "requirements" / "run.txt").read_text("utf-8")
    return {found[1]: found[0] for found in re.finditer(r"^([\w-]+)==(?:.*\\\n)*.*$", lock, re.M)}


def install_what_only(tree: Path) -> None:
    """Install in a tree what it needs and this one does not; skips where that is not to be had."""
    ours = requirements(ROOT)
    lines = [line for name, line in requirements(tree).items() if name not in ours]
    if not lines:
        return
    lock = tree / "only.txt"
    lock.write_text("\n".join(lines) + "\n", "utf-8")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    done = subprocess.run([*pip, "--target", str(tree), "--requirement", str(lock)])
    if done.returncode:
        pytest.skip("packages that only the previous tree needs cannot be installed here")


def post(running: Running, first: int, start: datetime | None = None, **draft: object) -> str:
    """Post a native campaign to a hundred numbers that no other has."""
    body: Json = {
        "sender": "+18005559876",
        "text": "We open at nine",
        "recipients": [{"to": f"+1416555{first + index}"} for index in range(100)],
        **({"scheduleDateTime": start.isoformat()} if start else {}),
        **draft,
    }
    answer = running.api.post("/v1/campaigns", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_campaigns_of_the_previous_code_go_on_after_an_upgrade(
    tmp_path: Path, previous: Path
) -> None:
    data = tmp_path / "data"
    with stack(data, tree=str(previous)) as old:
        start = datetime.now(UTC) + LATER
        assert old.command("carrier", "rate", "pretend", "100").returncode == 0
        waiting, paused = post(old, 1_000, start), post(old, 2_000, start)
        spread = post(old, 3_000, spreadHours=0.01)
        assert old.api.post(f"/v1/campaigns/{paused}/pause").status_code == 202
        until(lambda: old.get(f"/v1/campaigns/{paused}")["status"] == "paused", 30, "a pause")
        long = post(old, 4_000, spreadHours=336)
        running = old.send_batch(PEOPLE)
        old.wait_for(300)
        assert old.stop() == 0
    with stack(data) as new:
        assert len(new.carrier_log()) < PEOPLE, "all was sent before the upgrade"
        answer = new.api.post(f"/v1/campaigns/{paused}/resume")
        assert answer.status_code == 202, answer.text
        for campaign, people in ((running, PEOPLE), (waiting, 100), (spread, 100), (paused, 100)):
            counts = new.wait_for_end(campaign)["counts"]
            assert counts["sent"] + counts["delivered"] == people, counts
        assert new.api.post(f"/v1/campaigns/{long}/cancel").status_code == 202
        log = new.carrier_log()
        assert len({row["reference"] for row in log}) == len(log) >= PEOPLE + 300
        assert new.command("audit").returncode == 0
