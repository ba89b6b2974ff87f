"""Two generators make clients from the served document, and both clients do the tour.

Generators and compilers are installed into a cache of the user and not into the project.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.running import Running, stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "godwit-tests"
PYTHON = ("openapi-python-client==0.29.1", "mypy==1.18.2")
NODE = ("@hey-api/openapi-ts@0.95.0", "typescript@5.9.3")
INSTALL_SECONDS = 300
# What a person may mistype: a member of a request, and one of an answer.
MISTYPED = {
    "tour.py.txt": (("text=", "txt="), ("report.counts.delivered", "report.counts.deliverd")),
    "tour.ts": (("text:", "txt:"), ("counts.delivered", "counts.deliverd")),
}


def run(
    command: Sequence[object],
    directory: Path,
    environment: Mapping[str, str] | None = None,
    seconds: int = 120,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        list(map(str, command)),
        cwd=directory,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=seconds,
    )


def installed(name: str, wanted: Sequence[str], commands: Sequence[Sequence[object]]) -> Path:
    """A directory of the cache with what is wanted; skips the test where that fails."""
    directory = CACHE / name
    stamp = directory / "installed"
    if not stamp.exists() or stamp.read_text() != "\n".join(wanted):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        for command in commands:
            try:
                ran = run([*command], directory, seconds=INSTALL_SECONDS)
            except subprocess.TimeoutExpired:
                pytest.skip(f"{wanted[0]} did not install in {INSTALL_SECONDS} s")
            if ran.returncode != 0:
                pytest.skip(f"{wanted[0]} cannot be installed: {ran.stderr.strip()[-200:]}")
        stamp.write_text("\n".join(wanted))
    return directory


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A stack for both clients."""
    with stack(tmp_path_factory.mktemp("clients") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def document(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The OpenAPI document as the stack serves it."""
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_bytes(running.api.get("/openapi.json").content)
    return path


@pytest.fixture
def events() -> Iterator[tuple[str, list[str]]]:
    """The URL of a server on this machine, and the types of the events that it got."""
    taken: list[str] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.append(json.loads(body)["type"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/hooks", taken
        server.shutdown()


def check_tour(
    command: Sequence[object],
    directory: Path,
    running: Running,
    events: tuple[str, list[str]],
    language: str,
    numbers: range,
) -> None:
    """Run a tour and see what it came to."""
    environment = {
        "GODWIT_API": running.description["api"],
        "GODWIT_BEARER": running.description["account"]["bearer"],
        "HOOK": events[0],
    }
    ran = run(command, directory, environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    result: dict[str, Any] = json.loads(ran.stdout)
    assert result == {
        "cancelled": "cancelled",
        "delivered": 3,
        "pages": [f"{language}-now", f"{language}-later"],
        "messages": [f"order {number}" for number in numbers[:2]],
        "webhook": "delivered",
    }
    assert "webhook.test" in events[1] and "campaign.finished" in events[1]


def mistyped(name: str) -> Iterator[tuple[str, str]]:
    """The text of a tour with each mistake, and the mistyped name."""
    text = (HERE / name).read_text("utf-8")
    for right, wrong in MISTYPED[name]:
        assert right in text
        yield text.replace(right, wrong, 1), wrong.rpartition(".")[2].strip("=:")


def test_the_generated_python_client_does_the_tour_and_mypy_sees_a_mistyped_member(
    running: Running, document: Path, tmp_path: Path, events: tuple[str, list[str]]
) -> None:
    home = installed(
        "python",
        PYTHON,
        [
            [sys.executable, "-m", "venv", "venv"],
            ["venv/bin/python", "-m", "pip", "install", "--quiet", *PYTHON],
        ],
    )
    programs, client = home / "venv" / "bin", tmp_path / "godwit_client"
    generate = [programs / "openapi-python-client", "generate", "--path", document]
    made = run([*generate, "--output-path", client, "--meta", "none"], tmp_path)
    assert made.returncode == 0, made.stdout + made.stderr
    tour = tmp_path / "tour.py"
    check = [programs / "mypy", "--strict", "--follow-imports", "silent", tour]
    tour.write_text((HERE / "tour.py.txt").read_text("utf-8"))
    checked = run(check, tmp_path)
    assert checked.returncode == 0, checked.stdout
    check_tour([programs / "python", tour], tmp_path, running, events, "python", range(4100, 4103))
    for text, wrong in mistyped("tour.py.txt"):
        tour.write_text(text)
        checked = run(check, tmp_path)
        assert checked.returncode == 1 and f'"{wrong}"' in checked.stdout, checked.stdout


def test_the_generated_typescript_client_does_the_tour_and_tsc_sees_a_mistyped_member(
    running: Running, document: Path, tmp_path: Path, events: tuple[str, list[str]]
) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", ".", *NODE]
    programs = installed("node", NODE, [install]) / "node_modules" / ".bin"
    made = run([programs / "openapi-ts", "-i", document, "-o", tmp_path / "client"], tmp_path)
    assert made.returncode == 0, made.stdout + made.stderr
    tour = tmp_path / "tour.ts"
    compiling = [programs / "tsc", "--strict", "--target", "es2022", "--module", "commonjs"]
    compiling += ["--lib", "es2022,dom,dom.iterable", "--outDir", "built", tour]
    tour.write_text((HERE / "tour.ts").read_text("utf-8"))
    compiled = run(compiling, tmp_path)
    assert compiled.returncode == 0, compiled.stdout
    check_tour(["node", "built/tour.js"], tmp_path, running, events, "node", range(4200, 4203))
    for text, wrong in mistyped("tour.ts"):
        tour.write_text(text)
        compiled = run(compiling, tmp_path)
        assert compiled.returncode != 0 and f"'{wrong}'" in compiled.stdout, compiled.stdout
