"""``godwit env``, ``--version``, completion, and the commands that ``godwit up`` prints."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

from starter.cli.environment import VARIABLES, program
from starter.cli.welcome import EXAMPLE, first_commands, welcome
from tests.carriers.servers import free_port
from tests.starter.cli.conftest import CommandLine
from tests.test_layout import ROOT

ACCOUNT = {
    "accountId": "acc_1",
    "keyId": "AK1",
    "keySecret": 'it\'s $a `secret`; "two" lines\n',
    "bearer": "gwb_1",
    "propertySid": "S1",
    "senders": ["+18005559876"],
}


def described(godwit: CommandLine, port: int) -> dict[str, object]:
    """Write down a stack whose API is at a port of this machine."""
    directory = Path(godwit.environment["GODWIT_DATA"])
    directory.mkdir(parents=True, exist_ok=True)
    stack: dict[str, object] = {"api": f"http://127.0.0.1:{port}", "account": ACCOUNT}
    (directory / "stack.json").write_text(json.dumps(stack))
    return stack


@contextmanager
def listening() -> Iterator[int]:
    """A port at which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_shell_takes_over_the_stack_whatever_is_in_its_values(bare: CommandLine) -> None:
    with listening() as port:
        described(bare, port)
        result = bare("env")
        values = bare("env", "--json").json
    assert (result.code, result.err) == (0, "")
    assert list(values) == list(VARIABLES)
    assert values["GODWIT_API"] == f"http://127.0.0.1:{port}"
    assert values["GODWIT_KEY_SECRET"] == ACCOUNT["keySecret"]
    code = "import json, os; print(json.dumps({n: v for n, v in os.environ.items() if 'GOD' in n}))"
    script = f'eval "$1"; exec "{sys.executable}" -c "{code}"'
    ran = subprocess.run(
        ["sh", "-c", script, "sh", result.out], env={}, capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == values


def test_another_data_directory_may_be_named(bare: CommandLine) -> None:
    with listening() as port:
        described(bare, port)
        directory = bare.environment.pop("GODWIT_DATA")
        assert "GODWIT_API=" in bare("env", "--data", directory).out


@pytest.mark.parametrize("left_behind", [False, True])
def test_without_a_running_stack_nothing_is_printed_for_the_shell(
    bare: CommandLine, left_behind: bool
) -> None:
    if left_behind:
        described(bare, free_port())
    for options in ((), ("--json",)):
        result = bare("env", *options)
        assert result.out == ""
        assert result.fault.startswith(f"no stack runs on the data directory {bare.directory}")


def test_the_version_is_the_packages(bare: CommandLine) -> None:
    result = bare("--version")
    assert (result.code, result.out, result.err) == (0, f"godwit {version('godwit')}\n", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_commands(bare: CommandLine, shell: str) -> None:
    assert "--install-completion" in bare("--help").out
    bare.environment["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"
    result = bare("--show-completion", shell)
    assert result.code == 0 and "_GODWIT_COMPLETE" in result.out


def test_the_first_commands_work_from_the_present_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PATH", str(tmp_path))
    ours = Path(sys.executable).with_name("godwit")
    assert Path(program()).resolve() == ours.resolve()
    monkeypatch.setenv("PATH", str(ours.parent))
    assert program() == "godwit"
    monkeypatch.setenv("GODWIT_DATA", str(tmp_path))
    lines = first_commands(tmp_path)
    assert lines[0] == 'eval "$(godwit env)"' and lines[-1] == "godwit list"
    assert any(EXAMPLE in line for line in lines)
    assert first_commands(tmp_path / "my data")[0] == f"export GODWIT_DATA='{tmp_path}/my data'"
    monkeypatch.chdir(tmp_path)
    assert not any(EXAMPLE in line for line in first_commands(tmp_path))


def test_each_address_and_credential_is_on_a_line_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    account = {**ACCOUNT, "keySecret": "k" * 44}
    names = ("api", "ui", "temporal", "carrier")
    description = {**dict.fromkeys(names, "http://127.0.0.1:1"), "account": account}
    welcome(description, tmp_path, "http://127.0.0.1:1/console/link/x")
    lines = capsys.readouterr().out.splitlines()
    assert "key secret       " + "k" * 44 in lines
    assert f"data             {tmp_path}" in lines
