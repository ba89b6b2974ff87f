"""``godwit env``: the running stack's address and credentials as variables for a shell."""

import json
import os
import shlex
import shutil
import socket
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from starter.cli.context import CommandError, data_directory
from starter.cli.output import Json, print_json

ANSWER_SECONDS = 2.0
# The variables that are printed, and where the description of a stack has them. Godwit itself
# reads none of them.
VARIABLES = {
    "GODWIT_API": ("api",),
    "GODWIT_KEY_ID": ("account", "keyId"),
    "GODWIT_KEY_SECRET": ("account", "keySecret"),
    "GODWIT_BEARER": ("account", "bearer"),
    "GODWIT_PROPERTY_SID": ("account", "propertySid"),
}


def env(
    data: Annotated[
        Path | None, typer.Option(help="Data directory of the stack; default: $GODWIT_DATA.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the running stack's address and credentials for a shell.

    Example: eval "$(godwit env)"
    curl -u "$GODWIT_KEY_ID:$GODWIT_KEY_SECRET" "$GODWIT_API/v1/credits"

    Variables: GODWIT_API, GODWIT_KEY_ID, GODWIT_KEY_SECRET, GODWIT_BEARER and
    GODWIT_PROPERTY_SID. Without a running stack nothing is printed, and the exit
    code is 1.
    """
    description = running_stack(data or data_directory())
    values = {name: _member(description, path) for name, path in VARIABLES.items()}
    if as_json:
        print_json(values)
        return
    for name, value in values.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def running_stack(data: Path) -> dict[str, Any]:
    """The description of the stack that runs on a data directory.

    Args:
        data: the directory into which ``godwit up`` writes ``stack.json`` while it runs.

    Raises:
        CommandError: there is no such file, or nothing listens at the API's address in it,
            which is what a stack that was killed leaves behind.
    """
    try:
        description: dict[str, Any] = json.loads((data / "stack.json").read_text("utf-8"))
    except FileNotFoundError:
        raise _not_running(data) from None
    api = urlsplit(description["api"])
    try:
        socket.create_connection((api.hostname or "", api.port or 80), ANSWER_SECONDS).close()
    except OSError:
        raise _not_running(data) from None
    return description


def program() -> str:
    """How to call this command line from the present directory, as a shell reads it.

    ``godwit`` if that is on PATH and ours, else the path of our script, relative where it lies
    below the present directory.
    """
    ours = Path(sys.executable).with_name("godwit")
    found = shutil.which("godwit")
    if found is not None and (not ours.exists() or Path(found).samefile(ours)):
        return "godwit"
    if not ours.exists():
        return shlex.join([sys.executable, "-m", "starter"])
    here = Path.cwd()
    return shlex.quote(os.fspath(ours.relative_to(here) if ours.is_relative_to(here) else ours))


def _member(description: dict[str, Any], path: tuple[str, ...]) -> str:
    value: Any = description
    for member in path:
        value = value[member]
    return str(value)


def _not_running(data: Path) -> CommandError:
    return CommandError(
        f"no stack runs on the data directory {data}: start one with 'godwit up' or 'make up', or "
        "name its directory with --data or GODWIT_DATA"
    )
