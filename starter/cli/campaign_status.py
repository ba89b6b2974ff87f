"""What ``godwit status`` says of one campaign."""

from collections.abc import Iterator
from dataclasses import asdict

from rich.table import Table

from campaign.explaining import reason_in_words
from campaign.instants import SECOND, Instant
from campaign.rates import campaign_scope
from campaign.states import CAMPAIGN_ENDS, CampaignStatus, MessageStatus
from campaign.views import CampaignView
from service.forecasts import planned_end
from starter.cli.context import plain
from starter.cli.words import when
from store.campaigns.open_campaigns import WORKFLOW_LOST
from store.shared.brakes import ACCOUNT_CLOSED, STOPPED
from store.store import Store

BAR = 30


def progress_table(view: CampaignView) -> Table:
    """The counts of a campaign with their share, as a table with bars."""
    name = plain(view.name or view.dialect)
    sandbox = " · sandbox" if view.sandbox else ""
    table = Table(title=f"{name} · {view.id} · {view.status}{sandbox}")
    table.add_column("messages")
    table.add_column("count", justify="right")
    table.add_column("share", width=BAR)
    for name in MessageStatus:
        count = getattr(view.tally, name.value)
        if count:
            bar = "█" * round(BAR * count / max(view.total, 1))
            table.add_row(name.value, f"{count:,}", bar)
    table.add_row("total", f"{view.total:,}", "", style="bold")
    return table


def facts_of(store: Store, view: CampaignView, now: Instant) -> Iterator[str]:
    """When it begins and ends, its rate, its credits, and why what failed, line by line."""
    if view.sandbox:
        yield "sandbox: no carrier gets it, and it takes no credits"
    if (progress := view.preparation) is not None:
        written, expected = progress["written"], progress["expected"]
        share = written * 100 // max(1, expected)
        yield f"preparing: {written:,} of about {expected:,} ({share} %); nothing leaves before"
    yield from _times(store, view, now)
    rate = store.rates.rates().get(campaign_scope(view.id))
    yield "rate: no limit of its own" if rate is None else f"rate: {rate:g} segments/s"
    report = store.campaigns.report(view.id)
    for word, price in (
        ("held", report.held),
        ("posted", report.posted),
        ("returned", report.voided),
    ):
        amounts = [f"{amount:,} {kind}" for kind, amount in asdict(price).items() if amount]
        if amounts:
            yield f"credits {word}: {', '.join(amounts)}"
    for (status, reason), count in sorted(report.reasons.items()):
        yield f"{count:,} {status}: {plain(reason_in_words(reason))}"
    if view.replies:
        yield f"replies: {view.replies:,}"
    if view.clicks.total:
        yield f"clicks: {view.clicks.total:,} on the links of {view.clicks.unique:,} messages"
    for refusal in view.refusals:
        place = f"{plain(refusal.place)}: " if refusal.place else ""
        yield f"refused: {place}{plain(refusal.message)} ({refusal.code})"
    if view.ordered is not None:
        yield f"ordered, and not carried out yet: {view.ordered}"
    if advice := advice_on(view):
        yield advice


def advice_on(view: CampaignView) -> str | None:
    """What keeps an open campaign from going on, and what to do; None where nothing does."""
    if view.problem == WORKFLOW_LOST:
        return (
            "No workflow ran for this campaign, so the system paused it. Nothing is sent until "
            f"you run 'godwit resume {view.id}' or 'godwit cancel {view.id}'."
        )
    if view.problem == ACCOUNT_CLOSED:
        return (
            "Its account is closed, so the system paused it. Open the account, then run "
            f"'godwit resume {view.id}' or 'godwit cancel {view.id}'."
        )
    if view.problem == STOPPED:
        return (
            "Sending is stopped, so the system paused it. It goes on after 'godwit start', moved "
            f"by the length of the stop, unless you run 'godwit cancel {view.id}'."
        )
    return None if view.problem is None else f"It does not go on: {plain(view.problem)}."


def _times(store: Store, view: CampaignView, now: Instant) -> Iterator[str]:
    if view.started_at is not None:
        yield f"began: {when(view.started_at, now)}"
    if view.finished_at is not None:
        yield f"ended: {when(view.finished_at, now)}"
    if view.status in CAMPAIGN_ENDS:
        return
    plan = store.admissions.plan_facts(view.id)
    if plan.first_due_at is None or plan.last_due_at is None:
        return
    paused = " once it is resumed" if view.status is CampaignStatus.PAUSED else ""
    if view.started_at is None:
        yield f"begins{paused}: {when(plan.first_due_at, now)}"
    yield f"last message due{paused}: {when(plan.last_due_at, now)}"
    end = planned_end(store, view, now)
    if end is not None and end >= max(plan.last_due_at, now) + SECOND:
        if_paused = " if it is resumed now" if paused else ", for its rate"
        yield f"planned end{if_paused}: {when(end, now)}"
