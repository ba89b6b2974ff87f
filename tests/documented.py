"""Commands of the documents, for tests that run them."""

import re
import textwrap
from pathlib import Path

from tests.test_layout import ROOT

OPERATIONS = ROOT / "docs" / "operations.md"
RESTORE_DRILL = ROOT / "docs" / "runbooks" / "restore-drill.md"


def commands(page: Path, heading: str) -> list[str]:
    """The commands in the blocks below a heading, each with its continuation in one line.

    Raises:
        AssertionError: there is no such heading, or no command below it.
    """
    text = page.read_text("utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", text, re.M | re.S)
    assert found, f"{page.name} has no section {heading}"
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", found[1], re.M | re.S)
    whole = [re.sub(r"\\\n *", "", textwrap.dedent(block)) for block in blocks]
    lines = [line.partition("  #")[0].rstrip() for block in whole for line in block.splitlines()]
    assert lines, f"{page.name}, {heading}: no command"
    return lines
