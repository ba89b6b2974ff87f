"""Cells that a spreadsheet would run as a formula are marked as text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.csv_cells import safe_cell

FORMULAS = [
    "=1+1",
    " =1+1",
    "\u00a0\u2003=1+1",
    "\ufeff=1+1",
    "\u200b\u2060@SUM(A1)",
    "\uff1d1+1",
    "\ufe621",
    "\uff0b1",
    "\u207a1",
    "\uff0d1",
    "\uff20A1",
    "-2+3",
    "+1 (415) 555-0100",
    "@A1",
    "\t=1",
    "\rplain",
    " \nplain",
    "\u2028plain",
]


@pytest.mark.parametrize("value", FORMULAS)
def test_a_formula_gets_a_quotation_mark_whatever_precedes_it(value: str) -> None:
    assert safe_cell(value) == "'" + value


@pytest.mark.parametrize(
    "value", ["", " ", "a=b", " plain", "\u200bplain", "5-3", "'=1", None, 7, -7, "+14155550100"]
)
def test_a_number_in_e164_and_what_is_no_formula_stay(value: object) -> None:
    assert safe_cell(value) == value


@given(st.text(max_size=10), st.sampled_from("=+-@"), st.text(max_size=10))
def test_no_cell_shows_a_formula_mark_first(before: str, mark: str, after: str) -> None:
    value = safe_cell(before + mark + after)
    assert isinstance(value, str)
    shown = unicodedata.normalize("NFKC", value).strip("\ufeff\u200b\u200c\u200d\u2060 \u00a0")
    assert not shown.startswith(("=", "@", "\t", "\r", "\n")) or value.startswith("'")
