"""The table of incidents in docs/runbooks/README.md."""

import re
from collections.abc import Sequence

from tests.monitoring.mending import Row
from tests.monitoring.runbooks import PAGES
from tests.test_docs import DOCS, rows, ticked

README = DOCS / "runbooks" / "README.md"
_TABLE = re.compile(r"^\| alert \| page \|.*?(?=^$)", re.M | re.S)
_HEADINGS = ["alert", "page", "alert after, s", "mended after, s"]


def written() -> list[tuple[str, str, str]]:
    """The rows of the page: alert, seconds until it fired, seconds until it was mended."""
    found = _TABLE.search(README.read_text("utf-8"))
    assert found, "there is no table of incidents"
    return [(ticked(alert)[0], after, mended) for alert, _, after, mended in rows(found[0])]


def write(measured: Sequence[Row]) -> str:
    """Put rows into the page, each in the place of its old one; returns the new table."""
    before = {alert: (after, mended) for alert, after, mended in written()}
    after = {
        row.alert: (f"{row.alerted:.0f}", f"{row.mended:.0f}")
        for row in measured
        if not row.missing
    }
    lines = [_line(_HEADINGS), _line(["---", "---", "--:", "--:"])]
    for alert, seconds in sorted({**before, **after}.items()):
        page = PAGES[alert]
        title = page.read_text("utf-8").partition("\n")[0].removeprefix("# ")
        lines.append(_line([f"`{alert}`", f"[{title}]({page.name})", *seconds]))
    table = "\n".join(lines) + "\n"
    README.write_text(_TABLE.sub(lambda _: table, README.read_text("utf-8"), count=1), "utf-8")
    return table


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
