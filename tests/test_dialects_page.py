"""The pages that name tests name ones that there are, and leave no line without one."""

import re

import pytest

from tests.test_docs import DOCS, ticked
from tests.test_layout import ROOT

PAGES = ["dialects.md", "reliability.md"]


def named_tests(text: str) -> set[str]:
    """The tests that a piece of a page names."""
    return {name for name in ticked(text) if re.fullmatch(r"test_\w+", name)}


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_is_there(page: str) -> None:
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.M)
    }
    assert named_tests((DOCS / page).read_text("utf-8")) - defined == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_line_of_a_table_with_tests_names_one(page: str) -> None:
    tables = [
        [line.strip("|").split("|") for line in block.splitlines()]
        for block in (DOCS / page).read_text("utf-8").split("\n\n")
        if block.startswith("|")
    ]
    held = [row for head, _, *rest in tables if head[-1].strip() == "test" for row in rest]
    assert len(held) > 20
    assert [row for row in held if not named_tests(row[-1])] == []
