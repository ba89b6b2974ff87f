"""How near to its ideal instant each message of a spread leaves: ``python -m bench.pacing``.

Each campaign is paused half way for a minute. On a real server the carrier says when a message
came; where time is skipped, the store says when it was claimed and when it was answered. Prints
the rows of the table in docs/pacing.md; ``--help`` lists the campaigns.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from bench.figures import percentile
from bench.three_days import histories, serve_story
from bench.work import number_of, text_of
from campaign.instants import HOUR, MINUTE, SECOND, Instant
from campaign.model import Draft, DraftRecipient
from campaign.schedule import ideal_instants
from service.campaign_workflows import workflow_id
from tests.conftest import Story, finish, reach
from tests.workflows.test_campaign import is_paused, until

PAUSE: Instant = MINUTE
_CLAIMED = text("""
    SELECT m.position, m.due_at, m.sent_at, min(a.started_at) AS claimed_at
    FROM message m JOIN attempt a ON a.campaign_id = m.campaign_id AND a.position = m.position
    WHERE m.campaign_id = :campaign
    GROUP BY m.position, m.due_at, m.sent_at
    ORDER BY m.position
""")


@dataclass(frozen=True, slots=True)
class Case:
    """A campaign to measure; ``hours`` is its spread."""

    hours: float
    count: int
    skipping: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds from each message's ideal instant, negative when early, and the history."""

    apart: Sequence[Instant]
    events: Sequence[int]

    def row(self, case: Case) -> str:
        """The row of the table."""
        late = [max(0, each) / SECOND for each in self.apart]
        cells = (
            f"{case.hours:g} h × {case.count:,}",
            "skipped" if case.skipping else "real",
            f"{percentile(late, 50):.2f}",
            f"{percentile(late, 99):.2f}",
            f"{max(late):.2f}",
            f"{sum(each < 0 for each in self.apart)}",
            f"{sum(self.events):,}",
            f"{max(self.events):,}",
        )
        return f"| {' | '.join(cells)} |"


CASES = {
    "seconds": Case(0.01, 100, False),
    "minutes": Case(0.1, 200, False),
    "hours": Case(6, 5_000, True),
    "days": Case(336, 50_000, True),
}
HEAD = """\
| spread × messages | time | p50 s | p99 s | worst s | early | events | largest run |
|---|---|--:|--:|--:|--:|--:|--:|"""


async def measure(case: Case, directory: Path) -> Figures:
    """Send one campaign with a pause half way, from its admission to its end."""
    async with serve_story(directory, 2 * case.count, case.skipping) as story:
        start = await story.now() + 5 * SECOND
        draft = Draft(
            account_id=story.account.id,
            dialect="native",
            recipients=[
                DraftRecipient(to=number_of(n), text=text_of(n)) for n in range(case.count)
            ],
            scheduled_at=start,
            spread_hours=case.hours,
        )
        campaign = (await story.service.admit(draft)).campaign
        await pause_at(story, campaign.id, start + round(case.hours * HOUR / 2), PAUSE)
        await finish(story, campaign.id)
        ideals = ideal_instants(start, case.hours, case.count)
        apart = deviations(story, campaign.id, ideals, case.skipping)
        runs = await histories(story.client, workflow_id(campaign.id))
        return Figures(apart, [len(run) for run in runs])


async def pause_at(story: Story, campaign_id: str, at: Instant, length: Instant) -> None:
    """Pause a campaign at an instant, and resume it so much later."""
    await wait_until(story, campaign_id, at)
    view = story.store.campaigns.get(campaign_id)
    assert view is not None
    await story.service.pause(view)
    await until(story, campaign_id, is_paused)
    await wait_until(story, campaign_id, at + length)
    await story.service.resume(view)


async def wait_until(story: Story, campaign_id: str, at: Instant) -> None:
    """Let time pass, skipped or real, until an instant."""
    if story.environment.supports_time_skipping:
        await reach(story, campaign_id, at)
    else:
        await asyncio.sleep((at - await story.now()) / SECOND)


def deviations(
    story: Story, campaign_id: str, ideals: Sequence[Instant], skipping: bool
) -> list[Instant]:
    """How late each message left, by position; a claim before its instant is early."""
    with story.store.database.engine.connect() as connection:
        rows = connection.execute(_CLAIMED, {"campaign": campaign_id}).all()
    if len(rows) != len(ideals) or len(story.carrier.log) != len(ideals):
        raise RuntimeError(f"claimed {len(rows)}, taken {len(story.carrier.log)}")
    moved = {row.due_at - ideal for row, ideal in zip(rows, ideals, strict=True)}
    if len(moved) > 2 or 0 not in moved:
        raise RuntimeError(f"one pause moved the plan by {sorted(moved)}")
    came = {str(row["to"]): _instant(str(row["at"])) for row in story.carrier.log}
    return [
        row.claimed_at - row.due_at
        if row.claimed_at < row.due_at
        else (row.sent_at if skipping else came[number_of(row.position)]) - row.due_at
        for row in rows
    ]


def _instant(iso: str) -> Instant:
    return round(datetime.fromisoformat(iso).timestamp() * SECOND)


def main() -> None:
    """Measure, and print a row for each campaign."""
    parser = argparse.ArgumentParser(description="Measure how even spreads are.")
    names = ", ".join(CASES)
    parser.add_argument("cases", nargs="*", default=[*CASES], help=f"which of: {names}")
    sys.stdout.write(f"{HEAD}\n")
    for name in parser.parse_args().cases:
        with tempfile.TemporaryDirectory() as directory:
            figures = asyncio.run(measure(CASES[name], Path(directory)))
        sys.stdout.write(f"{figures.row(CASES[name])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
