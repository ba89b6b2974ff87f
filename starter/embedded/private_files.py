"""The files of a data directory are for their owner alone: people's numbers and texts, and keys."""

import contextlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

UMASK = 0o077
# What we and our parts write there. Anything else in the directory belongs to somebody else.
OURS = (
    "*.db",
    "*.db-*",
    "carrier.log.jsonl",
    "lock",
    "logs",
    "logs/*",
    "prometheus-targets.json",
    "prometheus-targets.json.new",
    "secret.key",
    "stack.json",
    "stack.json.new",
    "worker-*.ready",
)


def keep_private(data: Path) -> None:
    """Take every permission of others from a data directory and our files in it.

    New files get theirs by the umask; these may come from an earlier version or a copy. A file that
    belongs to another user stays as it is. A second run changes nothing.
    """
    for path in _ours(data):
        with contextlib.suppress(PermissionError, FileNotFoundError):
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode) and mode & UMASK:
                os.chmod(path, stat.S_IMODE(mode) & ~UMASK)


def write_json(file: Path, content: object) -> None:
    """Write a JSON file for its owner alone, whole or not at all."""
    temporary = file.with_name(f"{file.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        json.dump(content, opened)
    temporary.replace(file)


def _ours(data: Path) -> Iterator[Path]:
    if data.is_dir():
        yield data
        for pattern in OURS:
            yield from data.glob(pattern)
