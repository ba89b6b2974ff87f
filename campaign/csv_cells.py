"""Cells of CSV files that people open in a spreadsheet."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from campaign.phone import is_e164

_FORMULA_STARTS = frozenset("=+-@")
_FORMULA_SPACES = frozenset("\t\n\x0b\x0c\r\x85\u2028\u2029")
# White space, format characters and controls show nothing in a cell.
_INVISIBLE = frozenset({"Zs", "Zl", "Zp", "Cf", "Cc"})


def safe_cell(value: object) -> object:
    """A value for a CSV cell; a text that a spreadsheet would run as a formula starts with ``'``.

    Such a text has ``=``, ``+``, ``-`` or ``@``, in any width, as its first visible character, or
    a tab or line end before it. A number in E.164 stays as it is.
    """
    if not isinstance(value, str) or is_e164(value):
        return value
    for letter in value:
        if letter in _FORMULA_SPACES:
            return "'" + value
        plain = unicodedata.normalize("NFKC", letter).strip()
        if plain and unicodedata.category(letter) not in _INVISIBLE:
            return "'" + value if plain[0] in _FORMULA_STARTS else value
    return value


def csv_lines(
    columns: Sequence[str], rows: Iterable[Mapping[str, Any]], header: bool = True
) -> str:
    """Rows as lines of CSV, these columns of each in order, with or without a header line."""
    out = io.StringIO()
    writer = csv.writer(out)
    if header:
        writer.writerow(columns)
    for row in rows:
        writer.writerow([safe_cell(row[column]) for column in columns])
    return out.getvalue()
