"""The console and the JSON that commands print."""

import json
from typing import Annotated

import typer
from rich.console import Console

# A pipe has no edge: nothing that goes into one is wrapped or cut.
PIPED_WIDTH = 1_000

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def open_console() -> Console:
    """A console that takes texts as they are, because names are other people's."""
    console = Console(markup=False, emoji=False)
    if not console.is_terminal:
        console.width = PIPED_WIDTH
    return console


def answer(value: object, text: str, as_json: bool) -> None:
    """Print what a command came to: as JSON where that is asked for, otherwise as text."""
    if as_json:
        print_json(value)
    else:
        typer.echo(text)


def print_json(value: object) -> None:
    """Print a value as the one JSON document of a command."""
    typer.echo(json.dumps(value, indent=2))
