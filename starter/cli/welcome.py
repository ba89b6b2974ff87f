"""What ``godwit up`` shows a person when everything runs."""

import shlex
from pathlib import Path
from typing import Any

from rich.console import Console

from starter.cli.context import data_directory
from starter.cli.environment import program

EXAMPLE = "examples/first-batch.json"


def welcome(description: dict[str, Any], data: Path, console_link: str) -> None:
    """Print addresses, credentials and a first request.

    Args:
        description: the stack as in ``stack.json``.
        data: its data directory; named in the commands where they would not find it themselves.
        console_link: opens the console signed in, once and within an hour.
    """
    account = description["account"]
    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.rule("Godwit is up", style="dim")
    for label, value in (
        ("API", description["api"]),
        ("API reference", f"{description['api']}/docs"),
        ("Temporal Web UI", description["ui"]),
        ("Temporal", description["temporal"]),
        ("carrier", description["carrier"]),
        ("key id", account["keyId"]),
        ("key secret", account["keySecret"]),
        ("bearer", account["bearer"]),
        ("property", account["propertySid"]),
        ("senders", ", ".join(account["senders"])),
        ("data", data),
    ):
        console.print(f"{label:<16} {value}")
    console.print(
        "\nOpen the console in a browser (this link works once, for an hour):", style="bold"
    )
    console.print(f"  {console_link}")
    console.print("\nIn another terminal:", style="bold")
    for line in first_commands(data):
        console.print(f"  {line}")
    console.print("\nCtrl-C stops everything. Run it again to continue.", style="dim")


def first_commands(data: Path) -> list[str]:
    """Shell lines that send a first campaign to the stack and list it, from this directory."""
    godwit = program()
    lines = [f'eval "$({godwit} env)"']
    if data.resolve() != data_directory().resolve():
        lines.insert(0, f"export GODWIT_DATA={shlex.quote(str(data))}")
    if Path(EXAMPLE).exists():
        lines += [
            'curl -u "$GODWIT_KEY_ID:$GODWIT_KEY_SECRET" \\',
            f"  -H 'Content-Type: application/json' -d @{EXAMPLE} \\",
            '  "$GODWIT_API/api/v1/messaging/batch"',
        ]
    return [*lines, f"{godwit} list"]
