"""Making workbooks for tests."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import openpyxl


def workbook(*sheets: Sequence[Sequence[Any]]) -> bytes:
    """An XLSX file with these sheets."""
    book = openpyxl.Workbook()
    for index, rows in enumerate(sheets):
        sheet = book.worksheets[0] if index == 0 else book.create_sheet()
        for row in rows:
            sheet.append(list(row))
    written = BytesIO()
    book.save(written)
    return written.getvalue()
