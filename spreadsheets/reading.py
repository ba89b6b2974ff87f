"""Reading a file into a table: which reader takes it."""

from spreadsheets.table import BadTable, Table, collect
from spreadsheets.text_files import read_text
from spreadsheets.workbooks import read_workbook

BYTES_MAX = 16 * 1024 * 1024


def is_workbook(raw: bytes) -> bool:
    """True if a file begins as a workbook does: a ZIP archive, or a file of old Excel."""
    return raw.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0"))


def read_table(raw: bytes, rows_max: int, bytes_max: int = BYTES_MAX) -> Table:
    """Read CSV or XLSX, recognised by its first bytes.

    Args:
        raw: the whole file.
        rows_max: the most rows below the header.
        bytes_max: the most bytes of the file.

    Raises:
        BadTable: the file is larger, is in no format or encoding that is known, is malformed, or
            passes a limit.
    """
    if len(raw) > bytes_max:
        raise BadTable(f"the file is larger than {bytes_max} bytes")
    if is_workbook(raw):
        rows, notes = read_workbook(raw)
        return collect(rows, rows_max, True, notes)
    lines, notes = read_text(raw)
    return collect(lines, rows_max, False, notes)
