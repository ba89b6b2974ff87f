"""Writing rejects: the rows of a file that were left out, each with what is wrong with it."""

import csv
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from campaign.phone import is_e164
from spreadsheets.people import Fault

COLUMNS = ("line", "column", "value", "reason")
_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_rejects(
    lines: TextIO,
    header: Sequence[str],
    rows: Mapping[int, Sequence[str]],
    faults: Iterable[Fault],
) -> int:
    """Write one line per rejected row: its line, its faults, and its own cells.

    Corrected, the file can be read again as it is. It is a header alone where nothing is rejected.

    Args:
        lines: where the CSV goes; a file needs ``newline=""``, and a mark for spreadsheets.
        header: the names of the cells.
        rows: the cells by line.
        faults: the faults; the first one of a line gives its column and value.

    Returns:
        the number of rejected rows.
    """
    by_line: dict[int, list[Fault]] = {}
    for fault in faults:
        by_line.setdefault(fault.line, []).append(fault)
    taken = {name.casefold() for name in header}
    own = [f"reject {name}" if name in taken else name for name in COLUMNS]
    writer = csv.writer(lines)
    writer.writerow([*own, *map(_plain, header)])
    for line, found in sorted(by_line.items()):
        reason = "; ".join(f"{fault.column}: {fault.message}" for fault in found)
        cells = (found[0].column, found[0].value, reason, *rows.get(line, ()))
        writer.writerow([line, *map(_plain, cells)])
    return len(by_line)


def _plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; the reader drops the apostrophe again."""
    visible = unicodedata.normalize("NFKC", cell[:100]).lstrip()
    if is_e164(cell) or not (visible or cell).startswith(_BEGINNINGS):
        return cell
    return f"'{cell}"
