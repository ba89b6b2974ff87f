"""The arguments and options of ``godwit send``."""

import os
from pathlib import Path
from typing import Annotated

import typer

from campaign.test_sends import TO_MAX
from spreadsheets.people import number_of

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
    bool,
    typer.Option(
        "--dry-run", help="Show what would be sent, to whom, when and for how many credits."
    ),
]
CreditsMax = Annotated[
    str | None,
    typer.Option(
        "--credits-max",
        help="Refuse the campaign if it costs more: 1000 SMS credits, or sms=1000,mms=20.",
    ),
]
TestTo = Annotated[
    list[str] | None,
    typer.Option(
        "--test-to",
        metavar="NUMBER",
        help="Send the first recipient's text to this number of yours instead, now; up to 10.",
    ),
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


def read_credits_max(written: str | None) -> dict[str, int] | None:
    """The credits by kind, of ``1000`` or ``sms=1000,mms=20``; raises BadParameter."""
    if written is None:
        return None
    pairs = [part.strip().partition("=") for part in written.split(",")]
    credits = {kind if equals else "sms": count or kind for kind, equals, count in pairs}
    if len(credits) < len(pairs) or not credits.keys() <= {"sms", "mms"}:
        raise typer.BadParameter(f"{written!r} is no number of credits, nor sms=1000,mms=20")
    if not all(count.isdecimal() and len(count) < 16 for count in credits.values()):
        raise typer.BadParameter(f"{written!r} has no whole number of credits")
    return {kind: int(count) for kind, count in credits.items()}


def read_test_numbers(numbers: list[str], country: str | None) -> list[str]:
    """The numbers of a test in E.164; raises BadParameter for one that is none, or too many."""
    if len(numbers) > TO_MAX:
        raise typer.BadParameter(f"--test-to can be given {TO_MAX} times at most")
    found = {number: number_of(number, country) for number in numbers}
    for number, read in found.items():
        if read is None:
            raise typer.BadParameter(f"{number!r} is no phone number")
    return [read for read in found.values() if read is not None]


def read_columns(pairs: list[str]) -> dict[str, str]:
    """``WHAT=COLUMN`` options by what the column has; raises BadParameter for another form."""
    columns = {}
    for pair in pairs:
        what, equals, column = pair.partition("=")
        if not equals or not what.strip() or not column.strip():
            raise typer.BadParameter(f"{pair!r} is not WHAT=COLUMN, such as to=phone")
        columns[what.strip()] = column.strip()
    return columns
