"""The page of faults: every id is on it, and every mended row has a test that there is."""

import re
from collections.abc import Collection

from tests.test_docs import DOCS, rows, ticked
from tests.test_layout import ROOT

PAGE = DOCS / "faults.md"
_COUNTS = {"A": 11, "B": 6, "C": 18, "D": 10, "E": 6, "F": 24, "G": 17, "H": 10}
# These two ids were never given.
IDS = {f"{kind}{number}" for kind, count in _COUNTS.items() for number in range(1, count + 1)} - {
    "G10",
    "G14",
}
OPEN = "## Not mended yet"


def faults_of(page: str, known: Collection[str]) -> list[str]:
    """What is wrong with a page of faults: a sentence for each row, and for each missing id."""
    mended, _, left = page.partition(OPEN)
    found = []
    listed = [row[0] for row in rows(mended)]
    for row in rows(mended):
        tests = ticked(row[-1])
        if len(row) != 3 or not row[1] or not tests:
            found.append(f"{row[0]} has no test")
        found += [f"{row[0]} names {test}" for test in tests if not is_test(test)]
    waiting = [row[0] for row in rows(left)]
    found += [f"{row[0]} does not say what is missing" for row in rows(left) if not row[-1]]
    for ids in (listed, waiting):
        found += [f"{id} is listed twice" for id in sorted(set(ids)) if ids.count(id) > 1]
    named = {*listed, *waiting}
    found += [f"{id} is not on the page" for id in sorted(set(known) - named)]
    return found + [f"{id} is no fault" for id in sorted(named - set(known))]


def is_test(node: str) -> bool:
    """Whether a node id, ``tests/file.py::function``, is that of a test function."""
    file, _, function = node.partition("::")
    path = ROOT / file
    if not re.fullmatch(r"tests/[\w/]+\.py", file) or not path.is_file():
        return False
    if not re.fullmatch(r"test_\w+", function):
        return False
    defined = rf"^ *(?:async )?def {function}\("
    return re.search(defined, path.read_text("utf-8"), re.M) is not None


def test_every_fault_has_a_test_or_is_said_to_be_open() -> None:
    assert faults_of(PAGE.read_text("utf-8"), IDS) == []


def test_a_page_with_a_gap_is_found_out() -> None:
    here = "tests/test_faults_page.py::test_a_page_with_a_gap_is_found_out"
    head = "| id | what | tests |\n|---|---|---|\n"
    left = f"\n{OPEN}\n\n| id | what is missing |\n|---|---|\n"
    sound = f"{head}| A1 | a | `{here}` |\n{left}| A2 | b |\n"
    assert faults_of(sound, {"A1", "A2"}) == []
    for changed, fault in (
        (sound.replace(f"`{here}`", ""), "A1 has no test"),
        (sound.replace("gap_is", "gap_was"), f"A1 names {here.replace('gap_is', 'gap_was')}"),
        (sound.replace("page.py", "book.py"), f"A1 names {here.replace('page.py', 'book.py')}"),
        (sound.replace("| A2 | b |", ""), "A2 is not on the page"),
        (sound.replace("| A2 | b |", "| A2 | |"), "A2 does not say what is missing"),
        (sound.replace("| A2 |", "| A9 |"), "A9 is no fault"),
        (sound + "| A2 | b |\n", "A2 is listed twice"),
    ):
        assert fault in faults_of(changed, {"A1", "A2"}), fault
