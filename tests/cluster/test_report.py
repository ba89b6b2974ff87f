"""A run in docs/cluster.md."""

from collections import Counter
from pathlib import Path

from campaign.handoffs import Repeats
from tests.chaos.check import Verdict
from tests.cluster.deploys import Carried
from tests.cluster.faults import Recovery
from tests.cluster.report import HEADING, write_page
from tests.cluster.restores import Case, RestoreRun
from tests.cluster.tale import Tale

LATENCIES = ("pause answered", "resume answered", "cancel answered")
EFFECTS = ("last send after pause", "first send after resume", "last send after cancel")
TALE = Tale(
    seconds={"start": 24.0, "faults": 100.0},
    batches=(5, 2),
    latencies=dict.fromkeys((*LATENCIES, *EFFECTS), 0.25),
    recoveries=[
        Recovery("nothing", 0.0, 0.3, 0.1),
        Recovery("api-1 killed", 4.3, 0.3, 0.1),
        Recovery("api-2 killed", 5.7, 0.3, 0.2),
    ],
    carried=[Carried("both run", 3, 90, Counter({"today": 12, "next": 7}), 0, [])],
    restore_runs=[
        RestoreRun(Case("Compose: everything", Repeats.DEDUP, ""), 1.0, 20.0, 200, 0, Verdict())
    ],
)


def test_a_run_takes_the_place_of_the_one_before_and_leaves_the_rest_of_the_page(
    tmp_path: Path,
) -> None:
    page = tmp_path / "cluster.md"
    page.write_text(f"# The cluster\n\n{HEADING}\n\nAn old one.\n")
    write_page(page, TALE)
    written = page.read_text()
    assert written.startswith(f"# The cluster\n\n{HEADING}\n\nOn ")
    assert "124 s in all" in written and "An old one" not in written
    assert "| an API process killed | 4.3–5.7 s | 0.3 s | 0.1–0.2 s |" in written
    assert "| 3: both run | 90 | next 7, today 12 |" in written
    assert "| everything | drops repeats | 1.0 s | 20.0 s | 200 | lost 0, doubled 0" in written
    write_page(page, TALE)
    assert page.read_text() == written
