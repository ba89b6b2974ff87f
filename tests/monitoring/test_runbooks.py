"""The ten likeliest incidents: alerted within a minute, and mended by the page of each."""

import shutil
from pathlib import Path

import pytest

from tests.monitoring.incidents import LANES
from tests.monitoring.mending import ALERT_SECONDS, go_through_lane
from tests.monitoring.prometheus import NOT_INSTALLED
from tests.monitoring.runbooks import PAGES, Runbook, read
from tests.monitoring.table import README, written
from tests.test_docs import section, ticked

INCIDENTS = sorted(alert for _, stages in LANES.values() for alert in stages)
WITH_A_PAGE = sorted(alert for alert, page in PAGES.items() if page != README)


def commands(page: Runbook) -> list[str]:
    """Every command of a page."""
    return [*page.look, *page.do, *page.prove]


def test_each_alert_with_a_page_of_its_own_is_staged() -> None:
    assert INCIDENTS == WITH_A_PAGE
    assert len(INCIDENTS) == 10


@pytest.mark.parametrize("alert", WITH_A_PAGE)
def test_a_page_has_commands_to_look_to_do_and_to_prove(alert: str) -> None:
    page = read(PAGES[alert])
    assert page.look and page.do and page.prove


@pytest.mark.parametrize("alert", WITH_A_PAGE)
def test_every_command_that_a_page_names_is_among_those_that_the_test_runs(alert: str) -> None:
    text = PAGES[alert].read_text("utf-8")
    assert alert in text
    run = commands(read(PAGES[alert]))
    for heading in ("Look", "Do", "Prove"):
        for code in ticked(section(text, heading)):
            if code.startswith(("godwit ", "kill ", "pg_ctl ")):
                assert code in run


def test_the_table_has_a_row_for_each_incident_within_the_minute() -> None:
    rows = written()
    assert [row[0] for row in rows] == INCIDENTS
    assert all(0 < float(after) <= ALERT_SECONDS and float(mended) > 0 for _, after, mended in rows)


@pytest.mark.stack
@pytest.mark.timeout(900)
@pytest.mark.parametrize("lane", LANES)
def test_each_incident_raises_its_alert_alone_and_its_page_mends_it(
    lane: str, tmp_path: Path
) -> None:
    if shutil.which("prometheus") is None:
        pytest.skip(NOT_INSTALLED)
    rows = go_through_lane(lane, tmp_path)
    assert [row.alert for row in rows] == [*LANES[lane][1]]
    for row in rows:
        assert row.missing or row.alerted <= ALERT_SECONDS, row
