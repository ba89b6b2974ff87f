"""The pages of docs/runbooks, and the commands that they tell an operator to run."""

import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.monitoring.prometheus import RULES
from tests.test_docs import section
from tests.test_layout import ROOT

ADDRESS = "https://github.com/godwit-sms/godwit/blob/main/"
PAGES = {
    rule["alert"]: ROOT / rule["annotations"]["runbook_url"].removeprefix(ADDRESS) for rule in RULES
}
PLACEHOLDER = re.compile(r"\b(ID|NUMBER|PID|FILE|DIRECTORY|ACCOUNT|WEBHOOK|TIME|URL|STATEMENT)\b")
COMMAND_SECONDS = 90


@dataclass(frozen=True)
class Runbook:
    """What a page says: commands by section, and expressions that are true once all is well."""

    look: list[str]
    do: list[str]
    prove: list[str]
    expressions: list[str]


def read(page: Path) -> Runbook:
    """Read the blocks of a page; raises AssertionError without a section of it."""
    text = page.read_text("utf-8")
    look, do, prove = (section(text, heading) for heading in ("Look", "Do", "Prove"))
    return Runbook(
        _lines("sh", look), _lines("sh", do), _lines("sh", prove), _lines("promql", prove)
    )


def fill(command: str, values: Mapping[str, str]) -> str:
    """A command with values in the place of its placeholders; raises KeyError without one."""
    return PLACEHOLDER.sub(lambda found: values[found[0]], command)


def run(command: str, environment: Mapping[str, str], path: str = "") -> tuple[int, str]:
    """Run a command as an operator would; returns its exit code and its output.

    ``path`` is searched first, then the directory of this environment's ``godwit``.
    """
    search = [path] if path else []
    search += [str(Path(sys.executable).parent), os.environ["PATH"]]
    # No pipe: a server that a command starts would keep it open.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            ["sh", "-c", command],
            env={**os.environ, **environment, "PATH": os.pathsep.join(search)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=COMMAND_SECONDS,
        )
        output.seek(0)
        return done.returncode, output.read()


def _lines(language: str, text: str) -> list[str]:
    blocks = re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.M | re.S)
    return [line for block in blocks for line in textwrap.dedent(block).splitlines() if line]
