"""A workbook of 1,000 rows as people have them, sent by ``godwit send`` on the embedded stack."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from tests.running import stack
from tests.spreadsheets.making import workbook

pytestmark = pytest.mark.stack

ROWS = 1_000
FIRST_LINE = 3  # Below a blank row and the header.
NAMES = ("Ann", "O’Brien", "“Bob” Müller", "Zoë", " padded\u00a0", "\u200bEve", "山田", "Al 👋")
# One number in all the ways in which spreadsheets have it; the country is the United States.
FORMS: tuple[Any, ...] = (
    lambda number: int(f"1{number}"),
    lambda number: float(f"1{number}"),
    lambda number: f"1{number}.0",
    lambda number: int(number),
    lambda number: f"({number[:3]}) {number[3:6]}-{number[6:]}",
    lambda number: f"\u202a+1{number}\u202c",
    lambda number: f" +1\u00a0{number[:3]}\u2011{number[3:6]}\u2013{number[6:]} ",
    lambda number: f"'+1{number}",
    lambda number: f"001 {number}",
)
BLANKS: tuple[list[Any], ...] = ([], [None, None], ["  ", "\u200b", None])
# Rows that cannot be sent: the number, the name, and the column of the fault.
WRONG: tuple[tuple[Any, Any, str], ...] = (
    ("0800", "Ann", "Handy"),
    ("unknown", "Ann", "Handy"),
    (None, "Ann", "Handy"),
    ("1.21255E+10", "Ann", "Handy"),
    ("12125550123.5", "Ann", "Handy"),
    ("+1 212 555 0123, +1 212 555 0124", "Ann", "Handy"),
    ("#N/A", "Ann", "Handy"),
    ("=A1", "Ann", "Handy"),
    (5550123, "Ann", "Handy"),
    ("+12125550123", "Ann\u202e", "First Name"),
    ("+12125550123", "#REF!", "First Name"),
)


def people() -> tuple[list[list[Any]], set[str], dict[int, str], int]:
    """The rows; the numbers that get a text, the wrong lines with their column, and repeats."""
    rows: list[list[Any]] = []
    numbers: list[str] = []
    wrong: dict[int, str] = {}
    repeats = 0
    for index in range(ROWS):
        line = FIRST_LINE + index
        name = NAMES[index % len(NAMES)]
        if index % 20 == 7:
            rows.append(BLANKS[index % len(BLANKS)])
        elif index % 10 == 3:
            number, name, wrong[line] = WRONG[index // 10 % len(WRONG)]
            rows.append([number, name])
        elif index % 25 == 24:
            repeats += 1
            rows.append([FORMS[index % len(FORMS)](numbers[index // 2]), name])
        else:
            numbers.append(f"212555{2_000 + index}")
            rows.append([FORMS[index % len(FORMS)](numbers[-1]), name])
    return rows, {f"+1{number}" for number in numbers}, wrong, repeats


def test_a_workbook_of_a_thousand_rows_is_sent_once_and_its_rejects_have_their_lines(
    tmp_path: Path,
) -> None:
    rows, numbers, wrong, repeats = people()
    file, rejects = tmp_path / "people.xlsx", tmp_path / "r.csv"
    file.write_bytes(workbook([[], [" Handy\u00a0", "First\nName ", None], *rows]))
    words = (
        "send", str(file), "--text", "Hi {{first name}}, we’re open", "--column", "to=handy",
        "--country", "US", "--skip-invalid", "--rejects", str(rejects), "--wait",
    )  # fmt: skip
    with stack(tmp_path / "data") as running:
        refused = running.command(*words[:8], seconds=200)
        assert refused.returncode == 1 and not running.carrier_log()
        assert f"line {min(wrong)}, column {wrong[min(wrong)]}: " in refused.stderr

        sent = running.command(*words, seconds=200)
        assert sent.returncode == 0, sent.stdout + sent.stderr
        left_out = f"{len(wrong)} of {len(numbers) + repeats + len(wrong)} rows are left out"
        assert left_out in sent.stderr
        found = re.search("cmp_[A-Za-z0-9]+", sent.stdout)
        assert found is not None
        campaign = running.get(f"/v1/campaigns/{found[0]}")
        assert (campaign["name"], campaign["status"]) == ("people", "finished")
        counts = campaign["counts"]
        assert counts["total"] == len(numbers) + repeats
        assert (counts["delivered"], counts["skipped"]) == (len(numbers), repeats)
        log = running.carrier_log()
        assert len(log) == len(numbers) and {row["to"] for row in log} == numbers
        with rejects.open(newline="", encoding="utf-8-sig") as lines:
            written = [(int(row["line"]), row["column"]) for row in csv.DictReader(lines)]
        assert written == sorted(wrong.items())

        again = running.command(*words, seconds=200)
        assert again.returncode == 0, again.stdout + again.stderr
        assert found[0] in again.stdout and "nothing more is sent" in again.stdout
        assert len(running.carrier_log()) == len(numbers)
        assert running.command("audit").returncode == 0
        assert running.stop() == 0
