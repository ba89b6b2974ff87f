"""Files read into tables: encodings, separators, blank and padded cells, workbooks, limits."""

import io
import zipfile
from datetime import date, datetime, time

import openpyxl
import pytest
from openpyxl.styles import Font

from spreadsheets import workbooks
from spreadsheets.reading import read_table
from spreadsheets.table import BadTable, Table, TooLong
from tests.spreadsheets.making import workbook

ROWS_MAX = 1_000
TEXT = "to,NAME\n+14155550101,José\n"
CELLS = [("to", "NAME"), ("+14155550101", "José")]


def cells(table: Table) -> list[tuple[str, ...]]:
    return [table.header.cells, *(row.cells for row in table.rows)]


def lines(table: Table) -> list[int]:
    return [table.header.line, *(row.line for row in table.rows)]


def read(raw: bytes | str) -> Table:
    return read_table(raw.encode() if isinstance(raw, str) else raw, ROWS_MAX)


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"],
)
def test_a_file_is_read_in_the_encoding_of_its_program(encoding: str) -> None:
    table = read(TEXT.encode(encoding))
    assert cells(table) == CELLS
    assert bool(table.notes) is (encoding == "cp1252")


@pytest.mark.parametrize(
    "text",
    ["François, à bientôt", "Müller Größe", "“Ann’s” – €5…", "Søren Ångström", "¿Dónde está Peña?"],
)
def test_windows_1252_is_recognised_and_said(text: str) -> None:
    table = read(f"to;text\n1;{text}\n".encode("cp1252"))
    assert table.rows[0].cells[1] == text
    assert "Windows-1252" in table.notes[0]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Привет, Мария Петрова", "cp1251"),
        ("Γιώργος Παπαδόπουλος", "cp1253"),
        ("Świętosława Żółć, Łukasz", "cp1250"),
        ("山田太郎 鈴木一郎", "cp932"),
        ("张伟 王芳 李娜", "gb18030"),
        ("José Müller", "mac_roman"),
        ("José Müller Señor", "cp850"),
    ],
)
def test_no_other_encoding_is_read_as_windows_1252(text: str, encoding: str) -> None:
    with pytest.raises(BadTable, match="save it as CSV UTF-8"):
        read(f"to;text\n1;{text}\n".encode(encoding))


def test_a_file_that_is_utf_8_but_for_one_line_is_refused_with_that_line() -> None:
    raw = "to,NAME\n1,José\n2,".encode() + b"Jos\xe9\n3,x\n"
    with pytest.raises(BadTable, match="line 3 is not UTF-8, and other lines are"):
        read(raw)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_each_separator_is_found(separator: str) -> None:
    rows = ["to NAME note", "1 a b", "2 c d"]
    assert cells(read("\n".join(rows).replace(" ", separator))) == [
        tuple(row.split()) for row in rows
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("to;Name, first\n1;Ann\n2;Bob\n", [("to", "Name, first"), ("1", "Ann"), ("2", "Bob")]),
        ("to;price\n1;2,50\n2;3,50\n", [("to", "price"), ("1", "2,50"), ("2", "3,50")]),
        ("sep=;\r\nto;a,b,c\r\n1;x\r\n", [("to", "a,b,c"), ("1", "x")]),
        ('"sep=|"\nto|a\n1|x\n', [("to", "a"), ("1", "x")]),
        ("\ufeffSEP=\t\nto\ta\n1\tx\n", [("to", "a"), ("1", "x")]),
        ("to\n1\n2", [("to",), ("1",), ("2",)]),
        ('to,a\r1,"x\r\ny, ""z"""\r', [("to", "a"), ("1", 'x\r\ny, "z"')]),
        ('to,a\n="0049151","=""x"""\n', [("to", "a"), ("0049151", "x")]),
        ("to,a\n'+49151,'=x\n", [("to", "a"), ("+49151", "=x")]),
        (" to ,\u00a0First\u00a0 Name\u200b\n 1 ,\ufeffx \n", [("to", "First Name"), ("1", "x")]),
        ("to,a,,\n1,x,,\n2,y,,z\n", [("to", "a"), ("1", "x"), ("2", "y", "", "z")]),
        ("to,a\n1,\n2\n", [("to", "a"), ("1", ""), ("2",)]),
    ],
)
def test_rows_are_read_as_spreadsheets_write_them(
    text: str, expected: list[tuple[str, ...]]
) -> None:
    assert cells(read(text)) == expected


def test_a_row_has_the_line_where_it_begins_whatever_is_blank_or_quoted_before() -> None:
    text = 'sep=,\r\n\r\n,,\r\nto,a\r\n1,"x\r\ny\rz\nu"\r\n , \r\n2,b\r\n\r\n3,c'
    table = read(text)
    assert lines(table) == [4, 5, 10, 12]


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b'to,a\n1,"x\n2,y\n', "line 2: not CSV: a quote that opens here is never closed"),
        (b'to,a\n1,x\n2,"y" z\n', "line 3: not CSV"),
        (b"to,a\n1,\x00\n", "line 2 has a NUL"),
        (b"to,a\n" + b"," * 200_000, "too many columns"),
        (b",".join(b"c%d" % index for index in range(1_001)), "at most 1000 columns"),
        (b"\xff\xfea\x00\x00\xd8b\x00", "line 1 is not valid UTF-16"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(raw: bytes, what: str) -> None:
    with pytest.raises(BadTable, match=what):
        read(raw)


def test_rows_and_bytes_have_a_limit() -> None:
    with pytest.raises(TooLong, match="line 1003"):
        read("to\n" + "\n1" * 1_001)
    with pytest.raises(BadTable, match="larger than 10 bytes"):
        read_table(b"to\n12345678", ROWS_MAX, bytes_max=10)


# --------------------------------------------------------------------------- workbooks


def test_cells_of_a_workbook_become_the_text_that_a_spreadsheet_shows() -> None:
    rows: list[list[object]] = [
        ["to", "a"],
        [4915123456789.0, 12.5],
        [12125550123, True],
        ["+44 7911 123457", 0.1 + 0.2],
        [4.915e12, date(2026, 12, 24)],
        ["x", datetime(2026, 12, 24, 18, 30, 0, 400)],
        ["x", time(9, 5)],
        ["x", 1e-7],
        ["x", 0.0],
        ["x", -3.0],
    ]
    assert [row.cells for row in read(workbook(rows)).rows] == [
        ("4915123456789", "12.5"),
        ("12125550123", "TRUE"),
        ("+44 7911 123457", "0.3"),
        ("4915000000000", "2026-12-24"),
        ("x", "2026-12-24T18:30:00"),
        ("x", "09:05"),
        ("x", "0.0000001"),
        ("x", "0"),
        ("x", "-3"),
    ]


def test_blank_rows_and_formatted_empty_cells_of_a_workbook_are_left_out() -> None:
    sheets = openpyxl.Workbook()
    sheet = sheets.worksheets[0]
    for row in ([], [" Phone ", "First\nName"], [None, None], ["1", "x"], ["  ", "\u200b"], ["2"]):
        sheet.append(row)
    for line in range(1, 50):
        sheet.cell(line, 30).font = Font(bold=True)
    written = io.BytesIO()
    sheets.save(written)
    table = read(written.getvalue())
    assert cells(table) == [("Phone", "First Name"), ("1", "x"), ("2",)]
    assert lines(table) == [2, 4, 6]


def test_a_formula_gives_its_stored_value_and_is_broken_without_one() -> None:
    raw = workbook([["to", "a"], ["1", "=A2&A2"], ["=1+1", "x"]])
    table = read(raw)
    assert [row.cells for row in table.rows] == [("1", "=A2&A2"), ("=1+1", "x")]
    assert [list(row.broken) for row in table.rows] == [[1], [0]]
    stored = changed(raw, "<f>A2&amp;A2</f><v></v>", "<f>A2&amp;A2</f><v>11</v>")
    stored = changed(stored, "<f>A2&amp;A2</f><v />", "<f>A2&amp;A2</f><v>11</v>")
    assert read(stored).rows[0].cells == ("1", "11")
    assert not read(stored).rows[0].broken


def test_the_first_visible_sheet_with_a_value_is_read_and_said() -> None:
    sheets = openpyxl.load_workbook(io.BytesIO(workbook([["no"]], [], [["to"], ["1"]], [["x"]])))
    sheets.worksheets[0].sheet_state = "hidden"
    sheets.worksheets[2].title = "People"
    sheets.active = 2
    written = io.BytesIO()
    sheets.save(written)
    table = read(written.getvalue())
    assert cells(table) == [("to",), ("1",)]
    assert table.notes == ("of 3 sheets only 'People' was read",)


def changed(raw: bytes, old: str, new: str, part: str = "xl/worksheets/sheet1.xml") -> bytes:
    """A workbook with another text in one of its parts."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(raw)) as source,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            content = source.read(name).decode()
            target.writestr(name, content.replace(old, new) if name == part else content)
    return written.getvalue()


CELL = '<c r="A1" t="inlineStr"><is><t>to</t></is></c>'
BOMBS = {
    "zeros": ("</worksheet>", " " * (70 * 1024 * 1024) + "</worksheet>"),
    "a wide row": ("<sheetData>", "<sheetData><row>" + "<c/>" * 9_000 + "</row>"),
    "many tags": ("<sheetData>", "<sheetData>" + "<row/>" * 3_100_000),
    "a far row": ("<sheetData>", '<sheetData><row r="99999999999"><c><v>1</v></c></row>'),
    "entities": (
        "<worksheet",
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
            f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
        ) + "]><worksheet",
    ),
    "a number that is none": ("<sheetData>", "<sheetData><row><c><v>x</v></c></row>"),
    "half a part": ("</worksheet>", ""),
}  # fmt: skip


@pytest.mark.parametrize("change", BOMBS.values(), ids=BOMBS)
def test_a_workbook_that_unpacks_to_too_much_is_refused(change: tuple[str, str]) -> None:
    raw = changed(workbook([["to"], ["1"]]), *change)
    with pytest.raises(BadTable):
        read(raw)


def test_far_columns_and_a_wrong_dimension_cost_nothing() -> None:
    raw = workbook([["to"], *([str(row)] for row in range(100))])
    raw = changed(raw, '<dimension ref="A1:A101"', '<dimension ref="A1:XFD1048576"')
    assert len(read(raw).rows) == 100
    far = changed(raw, "</sheetData>", '<row r="102"><c r="XFD102"/></row></sheetData>')
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(workbooks, "LOOKED_AT_MAX", 10_000)
        with pytest.raises(BadTable, match="too many cells"):
            read(far)


@pytest.mark.parametrize("name", ["mimetype", "word/document.xml"])
def test_another_archive_is_no_workbook(name: str) -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(BadTable, match="no XLSX workbook"):
        read(written.getvalue())
