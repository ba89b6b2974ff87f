"""Draw docs/images/dry-run.svg: what ``godwit send --dry-run`` shows of a file of 5,000 people.

Run it with ``make picture``. It runs the command on a database of its own. Nothing in the picture
is invented but the people; the times differ in each run.
"""

import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from picture import svg_of
from rich.console import Console
from rich.text import Text

TARGET = Path(__file__).with_name("dry-run.svg")
WIDTH = 80
ROWS = 5_000
NAMES = ("Ann", "O’Brien", "Zoë", "Al 👋", "", "Maria", "“Bob”")
TEXT = (
    "Hi {{First name}}, our summer sale starts on Friday: 20% off everything until Sunday. See you!"
)
WORDS = "--skip-invalid --credits-max 12000 --spread-hours 2"


def main(target: Path) -> None:
    """Run the command and write the picture of it to a file."""
    with tempfile.TemporaryDirectory(prefix="godwit-picture-") as directory:
        people = Path(directory) / "customers.csv"
        write_people(people)
        godwit(directory, "db", "upgrade")
        words = ("--sms-credits", "20000", "--sender", "+18005559876")
        godwit(directory, "account", "create", "shop", *words)
        command = ("send", people.name, "--text", TEXT, *WORDS.split(), "--dry-run")
        shown = godwit(directory, *command)
    console = Console(record=True, width=WIDTH, file=tempfile.TemporaryFile("w"), markup=False)
    console.print(f"$ godwit send {people.name} --text ... --dry-run", style="bold green")
    console.print(Text.from_ansi(shown))
    target.write_text(svg_of(console, "A campaign before it is sent"), "utf-8")
    sys.stdout.write(f"wrote {target}\n")


def write_people(file: Path) -> None:
    """Write a file as people have it, with numbers that are none and others twice."""
    with file.open("w", newline="", encoding="utf-8") as lines:
        rows = csv.writer(lines)
        rows.writerow(["Phone", "First name"])
        for index in range(ROWS):
            number = f"+1415555{1_000 + index}"
            if index % 70 == 3:
                number = "0800"
            elif index % 90 == 5:
                number = "+14155551000"
            elif index % 12 == 7:
                number = f"+61491570{100 + index // 12}"
            rows.writerow([number, NAMES[index % len(NAMES)]])


def godwit(directory: str, *words: str) -> str:
    """Run a command on the database of a directory, as on a terminal of 80 columns."""
    settings = {
        "GODWIT_DATA": directory,
        "GODWIT_DATABASE_URL": f"sqlite:///{directory}/picture.db",
        "GODWIT_SECRET_KEY": "for a picture",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "FORCE_COLOR": "1",
        "COLUMNS": str(WIDTH),
    }
    command = [sys.executable, "-m", "starter", *words]
    ran = subprocess.run(
        command, cwd=directory, env={**os.environ, **settings}, stdout=subprocess.PIPE, check=True
    )
    return ran.stdout.decode()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
