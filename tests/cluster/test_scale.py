"""Measurements of the cluster: readings become the tables of docs/scale.md."""

import re

from tests.cluster.images import ROOT
from tests.cluster.load import Posted, Sent
from tests.cluster.measuring import Cost, Costs, Day, lateness, loss_between
from tests.cluster.scale_tables import tables, with_tables
from tests.cluster.usage import ALL_PARTS, spent_between

EVERY = dict.fromkeys(ALL_PARTS, 1.0)


def measured() -> dict[str, str]:
    """All tables, from measurements in which each part used one second for everything."""
    large = Cost(1_000, 1, EVERY, EVERY, post_seconds=0.5, rate=900)
    small = Cost(100, 10, EVERY, EVERY, post_seconds=0.1, rate=90)
    idle = dict.fromkeys(ALL_PARTS, 0.01)
    costs = [Costs(workers, idle, large, small) for workers in (3, 2, 1)]
    post = Posted("a", 0.0, 0.0, 0.5)
    day = Day(1_000_000, 60.0, lateness("all", [0.1, 0.3], [post]), 2, EVERY)
    return tables(costs, day, loss_between([post, CALM, AWAY, BACK], MESSAGES, 10.0, 20.0))


CALM, AWAY, BACK = Posted("b", 5, 0, 0.1), Posted("c", 12, 11, 4.0), Posted("d", 25, 22, 0.1)
MESSAGES = [Sent("a", 0, 0.2, True), Sent("b", 5, 5.1, True), Sent("c", 12, 15, True)]
MESSAGES += [Sent("d", 25, 25.1, True)]


def test_what_a_part_uses_without_work_is_no_cost_of_messages() -> None:
    idle = {"API": 0.5, "workers": 2.0}
    spent = spent_between({"API": 1.0, "workers": 1.0}, {"API": 4.0, "workers": 2.0}, idle, 2.0)
    assert spent == {"API": 2.0, "workers": 0.0}


def test_costs_are_of_a_message_a_receipt_and_a_small_campaign() -> None:
    found = measured()
    assert "| part | 1 worker | 2 workers | 3 workers | a receipt |" in found["costs"]
    assert "| API | 1.00 | 1.00 | 1.00 | 1.00 |" in found["costs"]
    assert "| API | 100.0 | 100.0 | 100.0 | 100.0 |" in found["small"]
    assert "| API | 2.00 | 2.32 | 3.5 |" in found["need"]


def test_a_lost_node_is_judged_by_what_was_due_meanwhile() -> None:
    loss = loss_between([Posted("a", 0, 0, 0.5), CALM, AWAY, BACK], MESSAGES, 10.0, 20.0)
    assert [(each.name, each.messages) for each in loss.rows] == [
        ("before", 2),
        ("while it is away", 1),
        ("after its return", 1),
    ]
    assert loss.rows[1].most == 3 and loss.rows[1].posts == [4.0]
    assert loss.recovery == 2.0


def test_tables_are_put_below_their_marks_and_the_rest_of_the_page_stays() -> None:
    page = "# Page\n\n<!-- scale: day -->\n| old |\n\nText.\n\n<!-- scale: loss -->\n| kept |\n"
    assert with_tables(page, {"day": "| new |"}) == page.replace("| old |", "| new |")


def test_the_page_has_a_mark_for_each_table_and_can_be_refreshed_again() -> None:
    page = (ROOT / "docs" / "scale.md").read_text("utf-8")
    found = measured()
    assert sorted(re.findall(r"<!-- scale: (\w+) -->", page)) == sorted(found)
    refreshed = with_tables(page, found)
    assert all(table in refreshed for table in found.values())
    assert with_tables(refreshed, found) == refreshed
