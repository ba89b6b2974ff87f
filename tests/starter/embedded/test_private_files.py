"""A data directory that others could read is closed to them, and nothing else is touched."""

import os
from pathlib import Path

from starter.embedded.private_files import keep_private


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_files_of_an_earlier_version_are_closed_and_other_peoples_are_left_alone(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    (data / "logs").mkdir(parents=True)
    ours = ["godwit.db", "godwit.db-wal", "temporal.db", "secret.key", "stack.json", "lock"]
    ours += ["carrier.log.jsonl", "worker-0.ready", "logs/api.log", "logs/worker-0.log"]
    for name in [*ours, "notes.txt"]:
        (data / name).write_text("a")
        os.chmod(data / name, 0o644)
    outside = tmp_path / "outside.db"
    outside.write_text("b")
    os.chmod(outside, 0o644)
    (data / "linked.db").symlink_to(outside)
    for directory in (data, data / "logs"):
        os.chmod(directory, 0o755)
    for _ in range(2):
        keep_private(data)
        assert {mode(data / name) for name in ours} == {0o600}
        assert mode(data) == mode(data / "logs") == 0o700
        assert mode(data / "notes.txt") == mode(outside) == 0o644


def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    keep_private(tmp_path / "data")
    assert not (tmp_path / "data").exists()
