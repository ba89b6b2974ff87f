"""The page on dialects names tests that there are."""

import re

from tests.test_docs import DOCS, ticked
from tests.test_house import ROOT


def test_every_test_that_the_page_on_dialects_names_is_there() -> None:
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.M)
    }
    named = ticked((DOCS / "dialects.md").read_text("utf-8"))
    wanted = {name for name in named if re.fullmatch(r"test_\w+", name)}
    assert wanted - defined == set()
