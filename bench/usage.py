"""What processes and databases use, as the system tells it: time, memory, pages."""

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

PROC = Path("/proc")
# Behind the name, which may hold anything, the fields of /proc/PID/stat begin with the third.
_PARENT, _TIMES = 1, slice(11, 15)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process, of its descendants, and of those that they have outlived.

    Raises OSError where the system does not tell or the process is gone.
    """
    ticks = _times(_fields(pid))
    for child in _descendants(pid):
        try:
            ticks += _times(_fields(child))
        except OSError:
            # It has ended meanwhile, and its time is its parent's.
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def cpu_by_part(parts: Mapping[str, Iterable[int]]) -> dict[str, float]:
    """Processor time by part; nothing where the system does not tell."""
    try:
        return {name: sum(map(cpu_seconds, pids)) for name, pids in parts.items()}
    except OSError:
        return {}


def resident_megabytes(pid: int) -> float | None:
    """The resident memory of a process in MB, None where the system does not tell."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return None
    sizes = [float(line.split()[1]) / 1_024 for line in lines if line.startswith("VmRSS")]
    return sizes[0] if sizes else None


def sqlite_bytes(file: Path) -> int:
    """The pages in use of a SQLite database, those in its write-ahead log included."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


def gained(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """How much more of each there is, where both know of it."""
    return {name: after[name] - before[name] for name in after if name in before}


def _fields(pid: int) -> list[str]:
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _times(fields: list[str]) -> int:
    return sum(map(int, fields[_TIMES]))


def _descendants(pid: int) -> list[int]:
    """Its children, theirs, and so on."""
    children: dict[int, list[int]] = {}
    for directory in PROC.iterdir():
        if directory.name.isdigit():
            try:
                parent = int(_fields(int(directory.name))[_PARENT])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(directory.name))
    found = list(children.get(pid, ()))
    for each in found:  # It grows meanwhile.
        found += children.get(each, ())
    return found
