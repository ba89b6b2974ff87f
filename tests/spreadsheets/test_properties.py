"""Properties of the reader: what is written is read, and no file leads to another error."""

import csv
import io
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spreadsheets.people import find_columns, read_people
from spreadsheets.reading import read_table
from spreadsheets.table import BadTable, trim
from tests.spreadsheets.making import workbook

ROWS_MAX = 100
# What a sheet may hold: no control characters, and no surrogates.
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"))
CELLS = st.one_of(TEXTS, st.sampled_from(["", " ", "a;b", 'a"b', "a,b\nc", "=1", "'", "\ufeffx"]))
SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=6),
    separator=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    named=st.booleans(),
)
def test_what_is_written_as_csv_is_read(
    rows: list[list[str]], separator: str, encoding: str, line_end: str, named: bool
) -> None:
    written = io.StringIO()
    # The writer quotes only the line end that it writes.
    writer = csv.writer(
        written,
        delimiter=separator,
        lineterminator=line_end,
        quoting=csv.QUOTE_MINIMAL if "\n" in line_end else csv.QUOTE_ALL,
    )
    writer.writerow(["to", "NAME"])
    writer.writerows(rows)
    text = (f"sep={separator}{line_end}" if named else "") + written.getvalue()
    if encoding == "utf-16-be" and not text.isascii():
        encoding = "utf-16"
    table = read_table(text.encode(encoding), ROWS_MAX)
    expected = [tuple(map(trim, row)) for row in rows]
    assert table.header.cells == ("to", "NAME")
    assert [row.cells for row in table.rows] == [row for row in expected if any(row)]
    found = [row.line for row in table.rows]
    assert found == sorted(set(found))


NUMBERS = st.one_of(
    st.none(), st.booleans(), TEXTS, st.integers(-(10**15), 10**15), st.floats(allow_nan=False),
    st.dates(), st.datetimes(), st.times(),
)  # fmt: skip


@settings(SLOW, max_examples=40)
@given(rows=st.lists(st.lists(NUMBERS, max_size=4), max_size=5))
def test_every_row_of_a_workbook_with_a_value_is_read_with_its_line(rows: list[list[Any]]) -> None:
    table = read_table(workbook([["to", "a", "b", "c"], *rows]), ROWS_MAX)
    present = [
        line
        for line, row in enumerate(rows, 2)
        if any(value is not None and (not isinstance(value, str) or trim(value)) for value in row)
    ]
    assert [row.line for row in table.rows] == present


@SLOW
@given(raw=st.one_of(st.binary(), st.binary().map(lambda tail: b"to,a\n1," + tail)))
def test_no_bytes_lead_to_another_error(raw: bytes) -> None:
    try:
        table = read_table(raw, ROWS_MAX)
        read_people(table, find_columns(table), "DE")
    except BadTable as error:
        assert str(error)


# Made once: a workbook has the time at which it was saved.
SOUND = workbook([["to", "a"], ["+14155550101", 1.5], [None, "=1"]])


@settings(SLOW, max_examples=60)
@given(data=st.data())
def test_no_damage_to_a_workbook_leads_to_another_error(data: st.DataObject) -> None:
    raw = bytearray(SOUND)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(raw)))
    for damaged in (bytes(raw), bytes(raw[:cut])):
        try:
            read_table(damaged, ROWS_MAX)
        except BadTable as error:
            assert str(error)


@SLOW
@given(
    people=st.lists(
        st.tuples(st.sampled_from(["+14155550101", "0800", "", "4915123456789.0", "x"]), CELLS),
        max_size=12,
    )
)
def test_every_row_is_a_person_or_has_a_fault(people: list[tuple[str, str]]) -> None:
    written = io.StringIO()
    csv.writer(written).writerows([("to", "NAME"), *people])
    table = read_table(written.getvalue().encode(), ROWS_MAX)
    found = read_people(table, find_columns(table))
    good = {person.line for person in found.people}
    bad = {fault.line for fault in found.faults}
    assert not good & bad
    assert good | bad == {row.line for row in table.rows}


@pytest.mark.parametrize("rows_max", [0, 1, 5])
def test_the_limit_of_rows_is_exact(rows_max: int) -> None:
    lines = "to\n" + "1\n" * rows_max
    assert len(read_table(lines.encode(), rows_max).rows) == rows_max
    with pytest.raises(BadTable):
        read_table((lines + "1\n").encode(), rows_max)
