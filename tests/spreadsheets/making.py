"""Making workbooks for tests."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import openpyxl


def workbook(*sheets: Sequence[Sequence[Any]]) -> bytes:
    """An XLSX file with these sheets."""
    made = openpyxl.Workbook()
    for index, rows in enumerate(sheets):
        sheet = made.worksheets[0] if index == 0 else made.create_sheet()
        for row in rows:
            sheet.append(list(row))
    written = BytesIO()
    made.save(written)
    return written.getvalue()
