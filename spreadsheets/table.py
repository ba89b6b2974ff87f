"""Tables: their rows and limits."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from types import MappingProxyType

COLUMNS_MAX = 1_000
# Of all rows together, without the empty cells at their ends.
CELLS_MAX = 2_000_000
CELL_LENGTH_MAX = 131_072
_NOTHING: Mapping[int, str] = MappingProxyType({})
# A text that a program kept from becoming a number: ="0049151".
_QUOTED = re.compile(r'="((?:[^"]|"")*)"')


class BadTable(Exception):
    """A file is no table that can be read; the text says why, with the line where one is known."""


class TooLong(BadTable):
    """The table passes the limit of rows or of cells; ``line`` is where they pass it."""

    def __init__(self, at_most: str, line: int) -> None:
        self.what = f"at most {at_most} are allowed in one file"
        super().__init__(f"line {line}: {self.what}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Row:
    """One row that is not blank.

    ``line`` counts from 1: the line of a text file where the row begins, or the row of a sheet.
    ``cells`` have no white space at their ends; empty ones behind the last column of the header are
    left out. ``broken`` says, by the index of a cell, why its value cannot be used.
    """

    line: int
    cells: tuple[str, ...]
    broken: Mapping[int, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file; ``header`` is the first one.

    ``is_sheet``: it comes from a workbook, where a cell that is not there is an empty one.
    ``notes`` are sentences for the person who sent the file, such as the encoding that was assumed.
    """

    header: Row
    rows: tuple[Row, ...]
    is_sheet: bool = False
    notes: tuple[str, ...] = ()


def collect(rows: Iterable[Row], rows_max: int, is_sheet: bool, notes: tuple[str, ...]) -> Table:
    """Make a table of rows, without the blank ones; raises BadTable for too many cells or rows."""
    found = (_trimmed(row) for row in rows)
    header = next((row for row in found if any(row.cells)), Row(1, ()))
    width = _width(header.cells, 0)
    if width > COLUMNS_MAX:
        raise BadTable(f"line {header.line}: at most {COLUMNS_MAX} columns are allowed")
    kept: list[Row] = []
    cells = 0
    for row in found:
        if not any(row.cells):
            continue
        if len(kept) == rows_max:
            raise TooLong(f"{rows_max} rows", row.line)
        row = replace(row, cells=row.cells[: _width(row.cells, width)])
        cells += len(row.cells)
        if cells > CELLS_MAX:
            raise TooLong(f"{CELLS_MAX} cells", row.line)
        kept.append(row)
    # A name may have a line end, or spaces that are not seen.
    names = tuple(" ".join(name.split()) for name in header.cells[:width])
    return Table(replace(header, cells=names), tuple(kept), is_sheet, notes)


def in_parts(
    rows: Iterable[Row], rows_at_once: int, notes: tuple[str, ...] = ()
) -> Iterator[Table]:
    """Tables of up to so many rows each, all with the same header; at least one.

    The first has the ``notes``.
    """
    left = iter(rows)
    header = next((row for row in left if any(map(trim, row.cells))), Row(1, ()))
    yield collect([header, *islice(left, rows_at_once)], rows_at_once, False, notes)
    while part := list(islice(left, rows_at_once)):
        yield collect([header, *part], rows_at_once, False, ())


def _trimmed(row: Row) -> Row:
    return replace(row, cells=tuple(map(trim, row.cells)))


def _width(cells: tuple[str, ...], least: int) -> int:
    """How many cells a row has without the empty ones at its end, which ``least`` may keep."""
    width = len(cells)
    while width > least and not cells[width - 1]:
        width -= 1
    return width


def trim(cell: str) -> str:
    """A cell without white space and marks at its ends, and without ``="..."``.

    An apostrophe in front of a sign keeps spreadsheets from reading a formula; it goes, too.
    """
    text = cell.strip()
    if not text.isascii():
        # Joiners stay: they belong to emoji and to scripts.
        text = text.strip("\ufeff\u200b\u2060").strip()
    if text.startswith('="'):
        quoted = _QUOTED.fullmatch(text)
        if quoted is not None:
            text = quoted[1].replace('""', '"').strip()
    elif text.startswith(("'=", "'+", "'-", "'@")):
        text = text[1:]
    return text
