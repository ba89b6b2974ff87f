"""The README: every command in its blocks of code is run, in order, and comes to what it says."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.command_line import whole
from tests.test_layout import ROOT

README = (ROOT / "README.md").read_text("utf-8")
EXAMPLES = (ROOT / "examples" / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
STARTED_SECONDS = 60
# Commands that set variables for those after them.
SETTING = ("eval ", "export ")
# What differs from run to run in what the demo shows: addresses, ids, bars and times.
VARIES = re.compile(r"://|brc_|━|\d:\d\d")


def blocks(page: str = README) -> list[str]:
    """The fenced blocks of code of a page; diagrams are not code."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.M | re.S)
    return [block for language, block in found if language != "mermaid"]


def commands(block: str) -> list[str]:
    """The commands of a block: what follows a prompt where there is one, else every line."""
    joined = block.replace("\\\n", " ").splitlines()
    prompted = [line.removeprefix("$ ") for line in joined if line.startswith("$ ")]
    return prompted or [line for line in joined if line.strip()]


def shown(block: str) -> list[str]:
    """What a block says its commands print."""
    lines = block.splitlines()
    return [line for line in lines if not line.startswith("$ ")] if "$ " in block else []


def recipe(target: str) -> str:
    """What the Makefile runs for a target of one line."""
    found = re.search(rf"^{target}: [^\n]*\n\t(.*)\n(?!\t)", MAKEFILE, re.M)
    assert found, f"the Makefile has no target {target} of one line"
    return found[1].replace("$(BIN)", ".venv/bin")


def squeezed(text: str) -> str:
    return " ".join(text.split())


class Reader:
    """Somebody who follows the README in a directory of their own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.stack: dict[str, Any] = {}
        self.last = ""
        kept = {name: value for name, value in os.environ.items() if "GODWIT" not in name}
        kept.pop("TEMPORAL_ADDRESS", None)
        self.environment = {
            **kept,
            "GODWIT_DATA": str(data),
            "COLUMNS": "200",
            "PYTHONPATH": str(ROOT),
            "no_proxy": "127.0.0.1",
        }

    def words(self, command: str) -> list[str]:
        """A command as words, with our interpreter's directory for the .venv."""
        local = command.replace(".venv/bin", str(Path(sys.executable).parent))
        return shlex.split(local, comments=True)

    @contextmanager
    def running(self, command: str) -> Iterator[subprocess.Popen[str]]:
        """Start something that is ended afterwards, if it has not ended by itself."""
        process = subprocess.Popen(
            self.words(command),
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.communicate(timeout=60)
            assert process.stdout is not None
            process.stdout.close()

    def wait_for_stack(self, up: subprocess.Popen[str]) -> None:
        """Wait until the stack has written down where it is."""
        deadline = time.monotonic() + STARTED_SECONDS
        while not (self.data / "stack.json").exists():
            assert up.poll() is None, up.communicate()[0]
            assert time.monotonic() < deadline, "the stack does not come up"
            time.sleep(0.05)
        self.stack = json.loads((self.data / "stack.json").read_text("utf-8"))

    def run(self, command: str) -> str:
        """Run a command to its end as a shell does; what it printed.

        As in one shell, the commands that follow see the variables that this one sets.
        """
        local = command.replace(".venv/bin", str(Path(sys.executable).parent))
        if command.startswith(SETTING):
            dump = "import json, os; print(json.dumps(dict(os.environ)))"
            local += f"\n{shlex.quote(sys.executable)} -c '{dump}'"
        ran = subprocess.run(
            ["sh", "-c", local],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=STARTED_SECONDS,
        )
        assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
        if command.startswith(SETTING):
            self.environment = json.loads(ran.stdout)
        return ran.stdout


def check(reader: Reader, command: str, result: str) -> None:
    """See that a command came to what a reader expects of it."""
    if command.startswith("eval "):
        assert reader.environment["GODWIT_API"] == reader.stack["api"]
    elif command.startswith("curl "):
        answer = json.loads(result)
        assert answer["status"] == "queued" and answer["totalRecipients"] >= 10, result
        reader.last = answer["id"]
    elif " list" in command:
        assert reader.last in result
    elif " send " in command:
        assert result.splitlines()[-1].startswith("finished total="), result
    elif " audit" in command:
        assert result.splitlines()[-1] == "the books are in balance"


def check_example(reader: Reader, command: str, result: str) -> None:
    """See that an example was taken as its API says it."""
    if command.startswith("export LIST_ID"):
        assert re.fullmatch(r"[0-9a-f-]{36}", reader.environment["LIST_ID"])
        return
    answer = {} if " send " in command or command.startswith(SETTING) else json.loads(result)
    if "bulk_sms" in command:
        assert answer["status"]["code"] == 293, result
    elif "BatchMessages" in command:
        assert [item["Status"] for item in answer] == ["Processing"] * 3, result
        assert answer[2]["From"].startswith("+61"), result
    elif "/members" in command:
        assert answer["members"] == 2, result
    elif "/send/batch" in command:
        assert answer["success"] and answer["record"]["recipientCount"] == 4, result
    elif "/v1/campaigns" in command:
        assert answer["counts"]["total"] == 4, result
    else:
        check(reader, command, result)


def check_routes(api: str) -> None:
    """See that the API serves every route that the text names."""
    routes = re.findall(r"`(GET|POST|PATCH|DELETE) (/[^`\s]*)`", README)
    assert ("POST", "/v1/campaigns/{id}/pause") in routes
    paths = httpx.get(f"{api}/openapi.json", trust_env=False, timeout=30).json()["paths"]
    shapes = {re.sub(r"\{.*?\}", "{}", path): methods for path, methods in paths.items()}
    for method, path in routes:
        assert method.lower() in shapes[re.sub(r"\{.*?\}", "{}", path)], f"{method} {path}"


@pytest.mark.stack
def test_every_command_of_the_readme_works_as_written(tmp_path: Path) -> None:
    demo_block, *others = blocks()
    assert commands(demo_block) == ["make demo"]
    rest = [command for block in others for command in commands(block)]
    up, *rest = rest
    assert up.split("#")[0].strip() == "make up"
    assert not [command for command in rest if command.startswith("make ")]
    reader = Reader(tmp_path / "data")
    any_ports = " --port 0 --temporal-port 0 --ui-port 0"
    # The demo has a stack of its own and mostly waits, so it need not hold up the rest.
    with reader.running(recipe("demo")) as demo, reader.running(recipe("up") + any_ports) as stack:
        reader.wait_for_stack(stack)
        for command in rest:
            check(reader, command, reader.run(command))
        for command in (command for block in blocks(EXAMPLES) for command in commands(block)):
            check_example(reader, command, reader.run(command))
        check_routes(reader.stack["api"])
        stack.send_signal(signal.SIGTERM)
        welcome, _ = stack.communicate(timeout=60)
        assert stack.returncode == 0, welcome
        secret = reader.stack["account"]["keySecret"]
        for shown_once in (reader.stack["api"], reader.stack["ui"], secret):
            assert shown_once in welcome
        result, _ = demo.communicate(timeout=150)
        assert demo.returncode == 0, result
    for line in shown(demo_block):
        parts = [part for part in re.split(r"\s{2,}", line.strip()) if not VARIES.search(part)]
        assert all(squeezed(part) in squeezed(result) for part in parts), f"{line}\n{result}"
        if re.fullmatch(r"\s*\w+ +\d+", line):
            assert squeezed(line) in squeezed(result), line


def test_the_picture_is_there_and_made_by_a_command() -> None:
    (picture,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    drawn = (ROOT / picture).read_text("utf-8")
    assert drawn.startswith("<svg ") and "font-face" not in drawn
    script = ROOT / shlex.split(recipe("picture"))[1]
    assert script.with_name(Path(picture).name) == ROOT / picture


def test_every_example_is_sent_by_a_command() -> None:
    sent = set(re.findall(r"examples/([\w.-]+)", "\n".join(blocks(EXAMPLES))))
    there = {path.name for path in (ROOT / "examples").iterdir()} - {"README.md"}
    assert sent == there


def test_every_command_and_target_in_the_text_is_there() -> None:
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.M | re.S)
    ticked = re.findall(r"`([^`\n]+)`", prose)
    group = whole()
    targets = re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.M)
    result = [words.split() for words in ticked if words.startswith(("godwit ", "make "))]
    assert ["make", "help"] in result and ["make", "picture"] in result
    for program, word, *_ in result:
        known = targets if program == "make" else [*group.commands, "--help"]
        assert word in known, f"{program} {word}"


def test_the_targets_of_the_makefile_are_listed_by_its_help() -> None:
    command = ["make", "--no-print-directory", "help"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    listed = [line.split()[0] for line in result.stdout.splitlines()]
    assert listed == re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.M)
    assert {"demo", "up", "test", "help"} <= set(listed)
