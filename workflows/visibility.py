"""What the Web UI shows of a running campaign: a table of counts, and attributes to search."""

from dataclasses import replace
from datetime import datetime

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from activities.records import ChunkResult
from campaign.instants import iso_or_none, moment_of
from campaign.names import escape_markdown
from campaign.ports import Tally
from campaign.schedule import Wave
from campaign.states import MessageStatus
from workflows.records import CampaignState, Progress

ACCOUNT = SearchAttributeKey.for_keyword("GodwitAccount")
STATUS = SearchAttributeKey.for_keyword("GodwitStatus")
DIALECT = SearchAttributeKey.for_keyword("GodwitDialect")
NAME = SearchAttributeKey.for_keyword("GodwitName")
# What GodwitStatus says while a campaign waits for a person.
NEEDS_HELP = "needs_help"
DUE_AT: SearchAttributeKey[datetime] = SearchAttributeKey.for_datetime("GodwitDueAt")


def tag(state: CampaignState) -> None:
    """Set the search attributes: the status, and when the first message is due."""
    status = NEEDS_HELP if state.problem else state.status.value
    changes = [STATUS.value_set(status)]
    if state.first_due_at is None:
        workflow.upsert_search_attributes(changes)
        return
    due = DUE_AT.value_set(moment_of(state.first_due_at))
    workflow.upsert_search_attributes([*changes, due])


def details(title: str, state: CampaignState) -> str:
    """The state as Markdown: a heading, the times, and the counts with their shares."""
    total = max(state.tally.total, 1)
    lines = [f"### {escape_markdown(title)}", "", f"**{state.status.value}**"]
    if state.first_due_at is not None:
        lines[-1] += f" · due {iso_or_none(state.first_due_at)} to {iso_or_none(state.last_due_at)}"
    if state.paused_at is not None:
        lines[-1] += f" · paused since {iso_or_none(state.paused_at)}"
    if state.pauses:
        lines[-1] += f" · plan changed {state.pauses}×"
    if state.problem is not None:
        lines.append(f"\n**needs help**: {state.problem}; resume to try again")
    if state.carrier_down is not None:
        lines.append(f"\n**carrier down**: {state.carrier_down}; it is tried once a second")
    if state.waves:
        lines.append(f"\nwave {state.waves}")
    # The page draws tables without padding; the em space keeps counts and shares apart.
    lines += ["", "| messages | count |\u2003share |", "|---|--:|--:|"]
    for status in MessageStatus:
        count = getattr(state.tally, status.value)
        if count:
            lines.append(f"| {status.value} |\u2003{count:,} |\u2003{100 * count / total:.1f} % |")
    lines.append(f"| **total** |\u2003**{state.tally.total:,}** | |")
    if state.verdict is not None and not state.verdict.admitted:
        lines += ["", "Refused: " + ", ".join(refusal.code for refusal in state.verdict.refusals)]
    return "\n".join(lines)


def progress(state: CampaignState, upcoming: Wave | None) -> Progress:
    """The state as the answer to a query; ``upcoming`` is the next wave."""
    return Progress(
        status=state.status,
        tally=state.tally,
        waves=state.waves,
        next_wave_at=upcoming.fire_at if upcoming else None,
        next_wave_count=upcoming.count if upcoming else 0,
        carrier_down=state.carrier_down,
    )


def counted(tally: Tally, result: ChunkResult) -> Tally:
    """Add a chunk's result, so that the shown counts stay near the store's between two counts."""
    done = result.sent + result.failed + result.skipped + result.unknown
    waiting = max(0, tally.queued + tally.retryable - done)
    retryable = min(waiting, result.retryable + result.deferred)
    return replace(
        tally,
        sent=tally.sent + result.sent,
        failed=tally.failed + result.failed,
        skipped=tally.skipped + result.skipped,
        unknown=tally.unknown + result.unknown,
        retryable=retryable,
        queued=waiting - retryable,
    )
