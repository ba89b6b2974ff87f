"""Runs incidents: waits for the alert, follows the runbook's page, and takes the times."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.monitoring.incidents import LANES, CannotStage, Stage, Staged
from tests.monitoring.lanes import Lane
from tests.monitoring.prometheus import until
from tests.monitoring.runbooks import PAGES, fill, read, run

ALERT_SECONDS = 60.0
CLEAR_SECONDS = 120.0
# A command of Look may fail while the incident lasts; one that cannot be run has another code.
LOOKED = range(126)


@dataclass(frozen=True)
class Row:
    """An incident that was mended: seconds until its alert, and from the first command of Do.

    ``mended`` is until the alert was gone and every proof held. ``missing`` says why there was
    no incident; then both are 0.
    """

    alert: str
    alerted: float
    mended: float
    missing: str = ""


def go_through(lane: Lane, alert: str, stage: Stage) -> Row:
    """Stage an incident and mend it by its page; raises AssertionError with what did not hold."""
    page, watching = read(PAGES[alert]), lane.watching
    until(lambda: len(watching.query("up == 1")) == 2, 60, "both processes are scraped")
    until(lambda: not watching.firing(), CLEAR_SECONDS, "no alert is left from before")
    try:
        staged = stage(lane)
    except CannotStage as reason:
        return Row(alert, 0, 0, str(reason))
    left = staged.since + ALERT_SECONDS - time.monotonic()
    until(lambda: bool(watching.firing()), left, f"{alert} fires")
    alerted = time.monotonic() - staged.since
    for command in page.look:
        code, said = _run(lane, command, staged)
        assert code in LOOKED and "Traceback" not in said, (alert, command, said)
    assert (firing := watching.firing()) == {alert}, (alert, firing)
    began = time.monotonic()
    elsewhere = False
    for command in page.do:
        if not elsewhere and staged.before in command:
            staged.elsewhere()
            elsewhere = True
        code, said = _run(lane, command, staged)
        assert code == 0, (alert, command, code, said)
    assert elsewhere, f"no command of {alert} has the text {staged.before!r}"
    until(lambda: alert not in watching.firing(), CLEAR_SECONDS, f"{alert} clears")
    for expression in page.expressions:
        until(lambda: bool(watching.query(expression)), CLEAR_SECONDS, expression)  # noqa: B023
    for command in page.prove:
        until(lambda: _run(lane, command, staged)[0] == 0, CLEAR_SECONDS, command)  # noqa: B023
    return Row(alert, alerted, time.monotonic() - began)


def go_through_lane(name: str, directory: Path) -> list[Row]:
    """Go through the incidents of a lane, one after the other, on a stack of its own."""
    opener, stages = LANES[name]
    rows = []
    with opener(directory / name) as lane:
        for alert, stage in stages.items():
            rows.append(go_through(lane, alert, stage))
            sys.stderr.write(f"{rows[-1]}\n")
    return rows


def go_through_all(directory: Path) -> list[Row]:
    """Go through all incidents, the lanes side by side; the rows by the names of the alerts."""
    with ThreadPoolExecutor(len(LANES)) as threads:
        lanes = [threads.submit(go_through_lane, name, directory) for name in LANES]
        rows = [row for lane in lanes for row in lane.result()]
    return sorted(rows, key=lambda row: row.alert)


def _run(lane: Lane, command: str, staged: Staged) -> tuple[int, str]:
    return run(fill(command, staged.values), lane.environment, lane.path)
