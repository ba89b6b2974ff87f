"""People in tables: columns by any name, numbers as people write them, all faults at once."""

import csv
from pathlib import Path

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from campaign.refusals import RefusalCode
from spreadsheets.people import People, find_columns, number_of, read_people
from spreadsheets.reading import read_table
from spreadsheets.rejects import write_rejects
from spreadsheets.table import BadTable
from tests.spreadsheets.making import workbook

MEMBERS = ("text", "mediaUrl")


def people(
    text: str | bytes, region: str | None = None, chosen: dict[str, str] | None = None
) -> People:
    table = read_table(text.encode() if isinstance(text, str) else text, 1_000)
    return read_people(table, find_columns(table, MEMBERS, chosen or {}), region)


@pytest.mark.parametrize(
    ("header", "chosen", "members", "fields"),
    [
        ("TO , Text,Media URL,Name", {}, {"text": "b", "mediaUrl": "c"}, {"Name": "d"}),
        ("Phone Number,a,text,b", {}, {"text": "c"}, {"a": "b", "b": "d"}),
        ("to,phone,mobile,x", {}, {}, {"phone": "b", "mobile": "c", "x": "d"}),
        ("Handy Nr.,to,msg,n", {"to": "handy  nr.", "text": "MSG"}, {"text": "c"},
         {"to": "b", "n": "d"}),
        ("phone,text,msg,n", {"text": "msg", "NAME": "n"}, {"text": "c"},
         {"text": "b", "NAME": "d"}),
    ],
)  # fmt: skip
def test_columns_are_found_by_their_names_or_chosen(
    header: str, chosen: dict[str, str], members: dict[str, str], fields: dict[str, str]
) -> None:
    found = people(f"{header}\n+14155550101,b,c,d\n", chosen=chosen)
    assert found.faults == ()
    person = found.people[0]
    assert (person.number, person.members, person.fields) == ("+14155550101", members, fields)


@pytest.mark.parametrize(
    ("text", "chosen", "what"),
    [
        ("", {}, "no column of numbers"),
        ("+14155550101\n+14155550102\n", {}, "no column of numbers"),
        ("to,a\n", {"to": "phone"}, "no column 'phone'; it has 'to', 'a'"),
        ("to,a, A\n", {}, "a column twice"),
    ],
)
def test_a_header_without_the_columns_is_refused(
    text: str, chosen: dict[str, str], what: str
) -> None:
    with pytest.raises(BadTable, match=what):
        people(text, chosen=chosen)


@pytest.mark.parametrize(
    ("cell", "region", "number"),
    [
        ("4915123456789.0", None, "+4915123456789"),
        ("4915123456789.5", None, None),
        ("4.91512E+12", None, None),
        ("\u202a+44 7911 123457\u202c", None, "+447911123457"),
        ("00447911123457", None, "+447911123457"),
        ("(212) 555-0123", None, None),
        ("(212) 555-0123", "US", "+12125550123"),
        ("12125550123", "US", "+12125550123"),
        ("07911 123457", "GB", "+447911123457"),
        ("7911123457", "GB", "+447911123457"),
        ("447911123457", "GB", "+447911123457"),
        ("447911123457", "US", "+447911123457"),
        ("+447911123457", "DE", "+447911123457"),
        ("0044 7911 123457", "DE", "+447911123457"),
        ("015123456789", "DE", "+4915123456789"),
        ("15123456789", "DE", "+4915123456789"),
        ("4915123456789", "DE", "+4915123456789"),
        ("0491 570 156", "AU", "+61491570156"),
        ("+14155550101, +14155550102", None, None),
        ("5550101", "US", None),
    ],
)
def test_a_number_is_read_as_in_its_country(
    cell: str, region: str | None, number: str | None
) -> None:
    assert number_of(cell, region) == number


def test_mobile_numbers_of_every_country_are_read_in_every_form_of_a_spreadsheet() -> None:
    forms, wrong = 0, []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
        if example is None:
            continue
        number = phonenumbers.format_number(example, PhoneNumberFormat.E164)
        digits = number.removeprefix("+")
        national = phonenumbers.national_significant_number(example)
        written = [
            phonenumbers.format_number(example, PhoneNumberFormat.NATIONAL),
            phonenumbers.format_number(example, PhoneNumberFormat.INTERNATIONAL),
        ]
        written += [number, digits, f"{digits}.0", f"00{digits}", national, f"{national}.0"]
        for form in written:
            forms += 1
            if number_of(form, region) != number:
                wrong.append((region, form, number))
    assert forms > 1_500 and wrong == []


def test_every_fault_is_found_at_once_with_its_line_column_and_value() -> None:
    text = (
        "to,NAME,text\n"
        "+14155550101,Ada,Hi\n"
        "0800,#N/A,Hi\n"
        "\n"
        ",Bob,a\u202eb\n"
        "+14155550102,x,y,stray\n"
        f"+14155550103,{'x' * 1_601},y\n"
        "#REF!,z,y\n"
    )
    found = people(text)
    assert [person.line for person in found.people] == [2]
    assert [(one.line, one.column, one.value[:6], one.code) for one in found.faults] == [
        (3, "to", "0800", RefusalCode.NUMBER_INVALID),
        (3, "NAME", "#N/A", RefusalCode.FIELD_INVALID),
        (5, "to", "", RefusalCode.FIELD_MISSING),
        (5, "text", "a\u202eb", RefusalCode.CHARACTERS_INVALID),
        (6, "D", "stray", RefusalCode.FIELD_INVALID),
        (7, "NAME", "xxxxxx", RefusalCode.FIELD_INVALID),
        (8, "to", "#REF!", RefusalCode.FIELD_INVALID),
    ]


def test_what_is_said_of_a_file_is_short_however_long_its_names_and_rows_are() -> None:
    name = "x" * 100_000
    with pytest.raises(BadTable) as refused:
        people(",".join(f"{name}{index}" for index in range(100)) + "\n1\n")
    assert len(str(refused.value)) < 3_000
    found = people(f"to,{name}\n" + "+14155550101" + ",#N/A" * 900 + "\n")
    assert len(found.faults) == 21
    assert max(len(fault.column) for fault in found.faults) == 100


def test_a_fault_of_the_header_has_its_line() -> None:
    found = people("to,a{b," + ",".join(f"c{n}" for n in range(51)) + "\n+14155550101,x\n")
    assert [(one.line, one.column) for one in found.faults] == [(1, "to"), (1, "a{b")]


def test_a_cell_that_is_not_there_is_empty_in_a_workbook_and_absent_in_csv() -> None:
    rows = [["to", "A", "B"], ["+14155550101", "x"]]
    assert people(workbook(rows)).people[0].fields == {"A": "x", "B": ""}
    assert people("to,A,B\n+14155550101,x\n").people[0].fields == {"A": "x"}
    assert people("to,A,B\n+14155550101,x,\n").people[0].fields == {"A": "x", "B": ""}


def test_rejects_have_a_line_per_row_and_can_be_read_again(tmp_path: Path) -> None:
    text = 'to,NAME,line\n0800,#N/A,=1\n+14155550101,x,y\n,"a\nb", +1\n'
    table = read_table(text.encode(), 100)
    found = people(text)
    file = tmp_path / "rejects.csv"
    rows = {row.line: row.cells for row in table.rows}
    with file.open("w", newline="", encoding="utf-8-sig") as lines:
        assert write_rejects(lines, table.header.cells, rows, found.faults) == 2
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    with file.open(newline="", encoding="utf-8-sig") as lines:
        written = list(csv.reader(lines))
    assert written[0] == ["reject line", "column", "value", "reason", "to", "NAME", "line"]
    assert [row[:3] for row in written[1:]] == [["2", "to", "0800"], ["4", "to", ""]]
    assert written[1][3].count(";") == 1 and written[1][6] == "'=1"
    again = read_table(file.read_bytes(), 100)
    assert [row.cells[4:] for row in again.rows] == [
        ("0800", "#N/A", "=1"),
        ("", "a\nb", "+1"),
    ]
