"""The arguments and options of ``godwit send``."""

import os
from pathlib import Path
from typing import Annotated

import typer

STDIN = Path("-")

File = Annotated[
    Path,
    typer.Argument(help="JSON, CSV or XLSX file; - reads standard input."),
]
Text = Annotated[
    str | None, typer.Option("--text", help="Text for every recipient that has none of its own.")
]
Name = Annotated[
    str | None, typer.Option("--name", help="Name of the campaign; default: the file's name.")
]
Sender = Annotated[
    str | None, typer.Option("--sender", help="Sender; default: the account's first one.")
]
Start = Annotated[
    str | None,
    typer.Option("--start", help="Start in ISO 8601, for example 2026-12-24T18:00:00+01:00."),
]
SpreadHours = Annotated[
    float | None,
    typer.Option("--spread-hours", help="Spread the messages evenly over so many hours."),
]
Country = Annotated[
    str | None,
    typer.Option("--country", help="Country of numbers without a country code, such as DE."),
]
Column = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="WHAT=COLUMN",
        help="The column that has WHAT: to, text, a field, ...; can be given several times.",
    ),
]
SkipInvalid = Annotated[
    bool, typer.Option("--skip-invalid", help="Send to all valid rows although others have faults.")
]
Rejects = Annotated[
    Path | None,
    typer.Option("--rejects", dir_okay=False, help="Write rows with faults to this CSV file."),
]
Again = Annotated[
    bool, typer.Option("--again", help="Send although the same content was sent before.")
]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask for confirmation before large sends.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Validate and price the campaign without sending it.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Show progress until the campaign ends.")]


def check_file(file: Path) -> None:
    """Raise BadParameter for a file that cannot be read; ``-`` is standard input."""
    if file == STDIN:
        return
    if not file.exists():
        raise typer.BadParameter(f"file {str(file)!r} does not exist")
    if file.is_dir() or not os.access(file, os.R_OK):
        raise typer.BadParameter(f"{str(file)!r} is no file that can be read")


def read_region(country: str | None) -> str | None:
    """A country as the numbering plans name it; raises BadParameter for an unknown one."""
    if country is None:
        return None
    from phonenumbers import SUPPORTED_REGIONS

    region = country.strip().upper()
    if region not in SUPPORTED_REGIONS:
        hint = "GB" if region == "UK" else "two letters such as DE, GB or US"
        raise typer.BadParameter(f"there is no country {country!r}; use {hint}")
    return region


def read_columns(pairs: list[str]) -> dict[str, str]:
    """``WHAT=COLUMN`` options by what the column has; raises BadParameter for another form."""
    columns = {}
    for pair in pairs:
        what, equals, column = pair.partition("=")
        if not equals or not what.strip() or not column.strip():
            raise typer.BadParameter(f"{pair!r} is not WHAT=COLUMN, such as to=phone")
        columns[what.strip()] = column.strip()
    return columns
