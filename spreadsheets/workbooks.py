"""XLSX, through openpyxl: the rows of a workbook's first visible sheet that has any."""

import re
import threading
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from itertools import repeat
from typing import TYPE_CHECKING, Any

from spreadsheets.table import CELL_LENGTH_MAX, CELLS_MAX, COLUMNS_MAX, BadTable, Row, trim

if TYPE_CHECKING:
    from openpyxl import Workbook

# All parts of the archive, unpacked.
UNPACKED_BYTES_MAX = 64 * 1024 * 1024
PARTS_MAX = 1_000
# A cell has about four tags, and each tag costs openpyxl memory and time.
TAGS_MAX = 3_000_000
# In a part that is neither a sheet nor the texts of all sheets, and in one row.
FEW_TAGS_MAX = 200_000
ROW_TAGS_MAX = 8 * COLUMNS_MAX
# The last row of a sheet; and the cells that are looked at, most of them empty.
LINES_MAX = 1_048_576
LOOKED_AT_MAX = 64_000_000
_PIECE_BYTES = 1024 * 1024
_MANY_TAGS = re.compile(r"worksheets/|sharedstrings", re.IGNORECASE)
_ROW = re.compile(rb"<(/?)(?:[^\s<>/:]+:)?(?:row|sheetData)[\s>/]")
_FORMULA = re.compile(rb"<(?:[^\s<>/:]+:)?f[\s>/]")
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")
# Excel keeps so many digits of a number.
_DIGITS = ".15g"
# Each workbook in work takes memory, and its warnings are the whole process's.
_one_at_a_time = threading.Lock()
_NOT_STORED = "is a formula without a stored value: open the file in a spreadsheet and save it"
_TOO_MANY = "the workbook has too many cells, or parts that are too large"
_UNREADABLE = "the workbook cannot be read: save it again as XLSX, or as CSV UTF-8"


def read_workbook(raw: bytes) -> tuple[list[Row], tuple[str, ...]]:
    """The rows of the first visible sheet that has a value, and a note where there are more sheets.

    Formulas give their stored values, a whole number has no decimals, and a date is in ISO 8601.
    Raises BadTable for old XLS files, archives that are no workbook, malformed and encrypted ones,
    and those that pass a limit of this module; they are counted before openpyxl sees them.
    """
    if not raw.startswith(b"PK"):
        raise BadTable("the file is in the format of old Excel, or encrypted: save it as XLSX")
    has_formulas = _inspect(raw)
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _read(raw, has_formulas)
        except BadTable:
            raise
        except Exception as error:  # openpyxl raises whatever a malformed part leads to.
            raise BadTable(_UNREADABLE) from error


def _inspect(raw: bytes) -> bool:
    """True if a part has formulas; raises BadTable for what must not be given to openpyxl."""
    try:
        with zipfile.ZipFile(BytesIO(raw)) as archive:
            parts = archive.infolist()
            if len(parts) > PARTS_MAX or sum(p.file_size for p in parts) > UNPACKED_BYTES_MAX:
                raise BadTable("the workbook is too large when it is unpacked")
            names = {part.filename for part in parts}
            if "[Content_Types].xml" not in names:
                raise BadTable("the file is an archive and no XLSX workbook: save it as XLSX")
            if len(names) < len(parts):
                raise BadTable(_UNREADABLE)
            counted = [_count(archive, part) for part in parts]
    except BadTable:
        raise
    except Exception as error:  # zipfile and zlib have many errors for malformed archives.
        raise BadTable(_UNREADABLE) from error
    if sum(tags for tags, _ in counted) > TAGS_MAX:
        raise BadTable(_TOO_MANY)
    return any(has_formulas for _, has_formulas in counted)


def _count(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> tuple[int, bool]:
    """The tags of a part, and whether it has a formula; raises BadTable if there are too many.

    zipfile unpacks no more than the size that the archive states.
    """
    tags = in_row = 0
    has_formulas = inside = False
    tags_max = TAGS_MAX if _MANY_TAGS.search(part.filename) else FEW_TAGS_MAX
    with archive.open(part) as source:
        piece = source.read(_PIECE_BYTES)
        if piece.startswith(_UTF16):
            raise BadTable(_UNREADABLE)
        while piece:
            tags += piece.count(b"<")
            has_formulas = has_formulas or _FORMULA.search(piece) is not None
            before, *found = _ROW.split(piece)
            in_row += before.count(b"<")
            for slash, behind in zip(found[::2], found[1::2], strict=True):
                if inside and in_row > ROW_TAGS_MAX:
                    break
                inside, in_row = not slash, behind.count(b"<")
            if tags > tags_max or (inside and in_row > ROW_TAGS_MAX):
                raise BadTable(_TOO_MANY)
            piece = source.read(_PIECE_BYTES)
    return tags, has_formulas


def _read(raw: bytes, has_formulas: bool) -> tuple[list[Row], tuple[str, ...]]:
    values = _open(raw, data_only=True)
    formulas = _open(raw, data_only=False) if has_formulas else None
    try:
        visible = [
            (index, sheet)
            for index, sheet in enumerate(values.worksheets)
            if sheet.sheet_state == "visible"
        ]
        for index, sheet in visible:
            beside = None if formulas is None else formulas.worksheets[index]
            rows = list(_rows(sheet, beside))
            if rows:
                note = f"of {len(visible)} sheets only {sheet.title!r} was read"
                return rows, (note,) if len(visible) > 1 else ()
    finally:
        values.close()
        if formulas is not None:
            formulas.close()
    return [], ()


def _open(raw: bytes, data_only: bool) -> "Workbook":
    from openpyxl import load_workbook

    return load_workbook(BytesIO(raw), read_only=True, data_only=data_only, keep_links=False)


def _rows(sheet: Any, beside: Any) -> Iterator[Row]:
    """The rows of a sheet that have a value; ``beside`` is the sheet with its formulas."""
    others: Iterator[Sequence[Any]] = repeat(()) if beside is None else _values(beside)
    looked_at = count = 0
    for line, (row, other) in enumerate(zip(_values(sheet), others, strict=False), 1):
        looked_at += len(row)
        width = _width(row, other)
        count += width
        if line > LINES_MAX or looked_at > LOOKED_AT_MAX or count > CELLS_MAX:
            raise BadTable(_TOO_MANY)
        cells = [_text(value) for value in row[:width]]
        broken: dict[int, str] = {}
        for index, formula in enumerate(other[:width]):
            if formula is not None and row[index] is None:
                broken[index] = _NOT_STORED
                cells[index] = formula if isinstance(formula, str) else "="
        if any(len(cell) > CELL_LENGTH_MAX for cell in cells):
            raise BadTable(f"line {line}: a cell has more than {CELL_LENGTH_MAX} characters")
        if any(map(trim, cells)):
            yield Row(line, tuple(cells), broken)


def _width(row: Sequence[Any], other: Sequence[Any]) -> int:
    """How many cells a row has without the empty ones at its end."""
    width = len(row)
    while width and row[width - 1] is None and (width > len(other) or other[width - 1] is None):
        width -= 1
    return width


def _values(sheet: Any) -> Iterator[Sequence[Any]]:
    # The dimensions that a file states may be wrong.
    sheet.reset_dimensions()
    return iter(sheet.iter_rows(values_only=True))


def _text(value: Any) -> str:
    """A cell's value as text, as near to what a spreadsheet shows as its type allows."""
    if value is None:
        return ""
    if isinstance(value, str):
        # Excel's way to write the first half of a Windows line end.
        return value.replace("_x000D_", "")
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return _decimal(value)
    if isinstance(value, datetime):
        midnight = value.time() == time()
        return value.date().isoformat() if midnight else _seconds(value).isoformat()
    if isinstance(value, time):
        return value.isoformat("minutes" if not value.second else "seconds")
    return str(value)


def _seconds(value: datetime) -> datetime:
    """A time rounded to seconds: days are counted in floats."""
    return (value + timedelta(microseconds=500_000)).replace(microsecond=0)


def _decimal(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    exact = Decimal(format(value, _DIGITS))
    return format(exact.normalize() if exact else Decimal(0), "f")
