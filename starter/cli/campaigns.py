"""The commands about campaigns: send, list, follow, pause, change, end, retry and report."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.live import Live

from campaign.instants import Instant
from campaign.states import CAMPAIGN_ENDS, CampaignStatus
from campaign.views import CampaignView
from dialects.native import responses as presenting
from dialects.native.campaign_changes import read_change
from dialects.native.retry_models import RetriedCampaign, read_retry
from service.campaigns import CampaignService, open_campaign_service
from starter.cli.brake import say_stops
from starter.cli.campaign_files import write_csv
from starter.cli.campaign_status import facts_of, progress_table
from starter.cli.campaign_table import print_campaigns
from starter.cli.context import (
    CommandError,
    chosen_account,
    find_settings,
    opened_store,
    plain,
)
from starter.cli.installation import installation_status
from starter.cli.output import Json, open_console, print_json
from starter.cli.words import both_clocks
from store.clock import wall_clock
from store.store import Store

LISTED_MAX = 100_000
# The exit code of what waited for a campaign that ended in any other way than finished.
ENDED_WITH_FAILURES = 3

T = TypeVar("T")

out = open_console()
Id = Annotated[str, typer.Argument(help="Campaign id.")]
Account = Annotated[
    str | None, typer.Option("--account", help="Account id or name; default: the only account.")
]


def list_campaigns(
    account: Account = None,
    limit: Annotated[
        int, typer.Option(min=1, max=LISTED_MAX, help="Number of campaigns to list.")
    ] = 20,
    as_json: Json = False,
) -> None:
    """List campaigns, newest first."""
    with opened_store() as store:
        account_id = chosen_account(store, account).id if account else None
        views = store.campaigns.list(account_id, limit)
        stops = store.brakes.in_force()
    if as_json:
        print_json([presenting.campaign_json(view) for view in views])
        return
    print_campaigns(views, out, wall_clock())
    say_stops(stops)
    for view in views:
        if view.problem is not None:
            by = f", paused by the {view.paused_by}" if view.paused_by == "system" else ""
            out.print(f"{view.id} {plain(view.problem)}{by}", highlight=False, soft_wrap=True)


def status(
    id: Annotated[
        str | None, typer.Argument(help="Campaign id; without one, the installation.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a campaign's status, its messages by state and the count of replies.

    Without an id, show whether each part of the installation is ready; the exit
    code is 1 if something is wrong.
    """
    if id is None:
        installation_status(as_json)
        return
    with opened_store() as store:
        view = _campaign(store, id)
        facts = [] if as_json else list(facts_of(store, view, wall_clock()))
    if as_json:
        print_json(presenting.campaign_json(view))
        return
    out.print(progress_table(view))
    for line in facts:
        out.print(line, highlight=False, soft_wrap=True)


def watch(id: Id, as_json: Json = False) -> None:
    """Show a campaign's progress until it ends.

    Prints a line per change where the output is not a terminal, and with --json the
    campaign as a line of JSON. Ctrl-C stops watching; the campaign continues. The
    exit code is 3 if it ended in any other way than finished.
    """
    with opened_store() as store:
        _campaign(store, id)
        if follow(store, id, as_json).status is not CampaignStatus.FINISHED:
            raise typer.Exit(ENDED_WITH_FAILURES)


def pause(id: Id, as_json: Json = False) -> None:
    """Pause a campaign; sends stop within two seconds."""
    _steer(id, lambda service, view: service.pause(view), as_json)


def resume(id: Id, as_json: Json = False) -> None:
    """Resume a paused campaign; its remaining messages move by the length of the pause."""
    _steer(id, lambda service, view: service.resume(view), as_json)


def cancel(id: Id, as_json: Json = False) -> None:
    """Cancel a campaign and return the credits of its unsent messages.

    A cancelled campaign cannot be resumed.
    """
    _steer(id, lambda service, view: service.cancel(view), as_json)


def retry(
    id: Id,
    reason: Annotated[
        list[str] | None,
        typer.Option(help="Only those that failed for this reason; can be repeated."),
    ] = None,
    country: Annotated[
        list[str] | None,
        typer.Option(help="Only those to this country, such as GB; can be repeated."),
    ] = None,
    carrier: Annotated[
        str | None, typer.Option(help="Send them through this carrier and no other.")
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Send this text instead; its tags are filled as before.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send failed messages of an ended campaign again.

    Without --reason, messages that failed for a temporary reason are sent again;
    invalid and opted out numbers are not. 'godwit report ID' shows the reasons. What
    is sent is paid for anew. Has no effect while the campaign runs.

    Example: godwit retry ID --reason blocked --country GB --carrier NAME
    """
    countries = None if country is None else [code.upper() for code in country]
    members = {"reasons": reason, "countries": countries, "carrier": carrier, "text": text}
    wanted = read_retry(members)
    _steer(
        id,
        lambda service, view: service.retry(view, wanted),
        as_json,
        _sent_again,
        lambda view, retried: RetriedCampaign.after(view, retried).json_object(),
    )


def _sent_again(count: int) -> str:
    what = "1 message is" if count == 1 else f"{count:,} messages are"
    return f"{what} sent again" if count else ""


def reschedule(
    id: Id,
    start: Annotated[
        str | None,
        typer.Argument(help="New start in ISO 8601, for example 2026-12-24T18:00:00+01:00."),
    ] = None,
    spread_hours: Annotated[
        float | None, typer.Option(help="Spread the messages evenly over so many hours.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Change the start or the spread of a campaign that has not begun to send.

    A start in the past hour means now. Messages with a schedule of their own move
    with START and keep their time when only the spread changes.

    Example: godwit reschedule ID 2026-12-24T18:00:00+01:00 --spread-hours 2
    """
    if start is None and spread_hours is None:
        raise CommandError("give START, --spread-hours or both")
    change = read_change({"scheduleDateTime": start, "spreadHours": spread_hours})

    def answer(answered: tuple[Instant | None, Instant | None]) -> str:
        """Say the instant that was understood, and when the campaign ends."""
        start, end = answered
        begins = "changed" if start is None else f"begins {both_clocks(start)}"
        return begins if end is None else f"{begins}\nends {both_clocks(end)}"

    async def work(
        service: CampaignService, view: CampaignView
    ) -> tuple[Instant | None, Instant | None]:
        start = await service.change(view, change)
        return start, await service.planned_end(view.id)

    _steer(id, work, as_json, answer)


def report(
    id: Id,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write one line per message to this file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Report a campaign's counts, reasons, credits and times, as JSON or CSV.

    Without --csv it is JSON; with --csv and --json it is both.
    """
    with opened_store() as store:
        _campaign(store, id)
        if csv_file is not None:
            write_csv(store, id, csv_file)
        if csv_file is None or as_json:
            print_json(presenting.report_json(store.campaigns.report(id)))


def follow(store: Store, campaign_id: str, as_json: bool = False) -> CampaignView:
    """Show a campaign's counts until it ends.

    They are live on a terminal and else a line per change. With ``as_json`` that line is the
    campaign, on a terminal too.
    """
    if out.is_terminal and not as_json:
        with Live(console=out, refresh_per_second=8) as live:
            for view in views_until_end(store, campaign_id, 0.25):
                live.update(progress_table(view))
        return view
    last = ""
    for view in views_until_end(store, campaign_id):
        line = json.dumps(presenting.campaign_json(view)) if as_json else _counts_of(view)
        if line != last:
            typer.echo(line)
            last = line
    return view


def views_until_end(store: Store, campaign_id: str, seconds: float = 0.5) -> Iterator[CampaignView]:
    """A campaign as it is now and again after so many seconds each time, up to its end."""
    while (view := _campaign(store, campaign_id)).status not in CAMPAIGN_ENDS:
        yield view
        time.sleep(seconds)
    yield view


def _counts_of(view: CampaignView) -> str:
    counts = {name: count for name, count in asdict(view.tally).items() if count}
    return f"{view.status} " + " ".join(f"{name}={count}" for name, count in counts.items())


def _steer(
    id: str,
    order: Callable[[CampaignService, CampaignView], Awaitable[T]],
    as_json: bool,
    answer: Callable[[T], str] | None = None,
    shown: Callable[[CampaignView, T], object] = lambda view, _: presenting.campaign_json(view),
) -> None:
    """Give an order and say what it came to, as JSON in the words of the native API."""
    settings = find_settings()
    with opened_store(settings) as store:
        view = _campaign(store, id)

        async def work() -> T:
            return await order(await open_campaign_service(settings, store), view)

        answered = asyncio.run(work())
        if as_json:
            print_json(shown(_campaign(store, id), answered))
            return
        said = f"requested; the campaign was {view.status}"
        typer.echo(said if answer is None else answer(answered) or said)


def _campaign(store: Store, id: str) -> CampaignView:
    view = store.campaigns.get(id)
    if view is None:
        raise CommandError(f"there is no campaign {id!r}")
    return view
