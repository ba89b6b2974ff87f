"""The help is read without the modules that do the work: it takes a moment, not a second."""

import subprocess
import sys

import pytest

from starter.__main__ import app
from starter.cli.lazy import LazyCommand
from tests.command_line import whole
from tests.starter.cli.conftest import CommandLine

HEAVY = (
    "alembic",
    "fastapi",
    "httptools",
    "httpx",
    "phonenumbers",
    "pydantic",
    "sqlalchemy",
    "sqlmodel",
    "structlog",
    "temporalio",
    "uvicorn",
)
PROGRAM = """
import os, sys
from starter import __main__
leave, os._exit = os._exit, lambda code: None
__main__.main()
sys.stdout.flush()
sys.stderr.write(" ".join(name for name in {heavy} if name in sys.modules))
"""


@pytest.mark.parametrize("words", [["--help"], ["--version"], []], ids=" ".join)
def test_neither_help_nor_version_loads_what_only_commands_need(words: list[str]) -> None:
    command = [sys.executable, "-c", PROGRAM.format(heavy=HEAVY), *words]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "godwit" in ran.stdout + ran.stderr
    assert set(ran.stderr.split()) & set(HEAVY) == set()


def test_each_line_of_the_help_is_the_first_of_its_commands_own() -> None:
    root = whole()
    again = {command.name: command for command in _lazy()}
    assert list(again) == list(root.commands)
    for name, command in root.commands.items():
        own = " ".join((command.help or "").partition("\n\n")[0].split())
        assert again[name].help == own, name


def test_the_shell_completes_commands_and_is_taught_to(bare: CommandLine) -> None:
    bare.environment |= {"_GODWIT_COMPLETE": "complete_bash", "COMP_WORDS": "godwit st"}
    bare.environment |= {"COMP_CWORD": "1"}
    assert {"status", "stop", "start"} <= set(bare("st").out.split())
    del bare.environment["_GODWIT_COMPLETE"]
    assert "--install-completion" in bare("--help").out


def _lazy() -> list[LazyCommand]:
    from typer.core import TyperGroup
    from typer.main import get_command

    root = get_command(app)
    assert isinstance(root, TyperGroup)
    return [one for one in root.commands.values() if isinstance(one, LazyCommand)]
