"""The commands about campaigns: send, list, follow, pause, change, end, retry and report."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from campaign.states import CAMPAIGN_ENDS, MessageStatus
from campaign.views import CampaignView
from dialects.native import fields as native_reading
from dialects.native import requests as native
from dialects.native import responses as presenting
from service.campaigns import CampaignService, open_campaign_service
from starter.cli.campaign_files import read_csv, read_json, write_csv
from starter.cli.campaign_table import print_campaigns
from starter.cli.context import (
    CommandError,
    chosen_account,
    find_settings,
    opened_store,
    plain,
)
from starter.cli.installation import installation_status
from store.accounts.accounts import AccountView
from store.accounts.api_keys import Principal
from store.campaigns.open_campaigns import WORKFLOW_LOST
from store.shared.brakes import ACCOUNT_CLOSED
from store.store import Store

LISTED_MAX = 100_000

out = Console(markup=False, emoji=False)  # Names are other people's.
Id = Annotated[str, typer.Argument(help="Campaign id.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Account = Annotated[
    str | None, typer.Option("--account", help="Account id or name; default: the only account.")
]


def send(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="JSON or CSV file.")
    ],
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Validate and price the campaign without sending it."),
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Show progress until the campaign ends.")
    ] = False,
    account: Account = None,
    as_json: Json = False,
) -> None:
    """Send a campaign from a JSON or CSV file.

    JSON is what POST /v1/campaigns takes. CSV has a header; the column "to" is
    required, and text, mediaUrl, sender, scheduleDateTime, idempotencyKey and
    reference are optional. The values of any other column replace {{COLUMN}} tags
    in the text.

    Each call creates a campaign unless the file has an idempotencyKey.

    Example: godwit send examples/campaign.json --wait
    """
    body = read_csv(file) if file.suffix.lower() == ".csv" else read_json(file)
    settings = find_settings()
    with opened_store(settings) as store:
        draft = native.read(body, _operator(chosen_account(store, account)))

        async def work() -> None:
            service = await open_campaign_service(settings, store)
            if dry_run:
                preview = presenting.dry_run_json(await service.dry_run(draft))
                typer.echo(json.dumps(preview, indent=2))
                return
            admission = await service.admit(draft)
            view = admission.campaign
            if as_json:
                typer.echo(json.dumps(presenting.campaign_json(view), indent=2))
            else:
                again = "; it has this idempotency key, and nothing more is sent"
                suffix = again if admission.replayed else ""
                out.print(f"campaign {view.id} is {view.status}{suffix}", highlight=False)
            if wait:
                follow(store, view.id)

        asyncio.run(work())


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
    if as_json:
        typer.echo(json.dumps([presenting.campaign_json(view) for view in views], indent=2))
        return
    print_campaigns(views, out)
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
    if as_json:
        typer.echo(json.dumps(presenting.campaign_json(view), indent=2))
        return
    out.print(progress_table(view))
    if view.replies:
        out.print(f"replies: {view.replies:,}", highlight=False)
    if view.ordered is not None:
        out.print(f"ordered, and not carried out yet: {view.ordered}", highlight=False)
    if advice := advice_on(view):
        out.print(advice, highlight=False, soft_wrap=True)


def watch(id: Id) -> None:
    """Show a campaign's progress until it ends.

    Prints a line per change where the output is not a terminal. Ctrl-C stops
    watching; the campaign continues.
    """
    with opened_store() as store:
        _campaign(store, id)
        follow(store, id)


def pause(id: Id) -> None:
    """Pause a campaign; sends stop within two seconds."""
    _steer(id, lambda service, view: service.pause(view))


def resume(id: Id) -> None:
    """Resume a paused campaign; its remaining messages move by the length of the pause."""
    _steer(id, lambda service, view: service.resume(view))


def cancel(id: Id) -> None:
    """Cancel a campaign and return the credits of its unsent messages.

    A cancelled campaign cannot be resumed.
    """
    _steer(id, lambda service, view: service.cancel(view))


def retry(id: Id) -> None:
    """Send the failed messages of an ended campaign again.

    Only messages that failed for a temporary reason are sent again, and they are
    paid for anew; invalid and opted out numbers are not. Has no effect while the
    campaign runs.
    """
    _steer(id, lambda service, view: service.retry(view))


def reschedule(
    id: Id,
    start: Annotated[
        str | None,
        typer.Argument(help="New start in ISO 8601, for example 2026-12-24T18:00:00+01:00."),
    ] = None,
    spread_hours: Annotated[
        float | None, typer.Option(help="Spread the messages evenly over 0 to 72 hours.")
    ] = None,
) -> None:
    """Change the start or the spread of a campaign that has not begun to send.

    A start in the past hour means now. Messages with a schedule of their own move
    with START and keep their time when only the spread changes.

    Example: godwit reschedule ID 2026-12-24T18:00:00+01:00 --spread-hours 2
    """
    if start is None and spread_hours is None:
        raise CommandError("give START, --spread-hours or both")
    change = native_reading.read_change({"scheduleDateTime": start, "spreadHours": spread_hours})
    _steer(id, lambda service, view: service.change(view, change))


def report(
    id: Id,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write one line per message to this file.")
    ] = None,
) -> None:
    """Report a campaign's counts, reasons, credits and times, as JSON or CSV."""
    with opened_store() as store:
        _campaign(store, id)
        if csv_file is not None:
            write_csv(store, id, csv_file)
            return
        typer.echo(json.dumps(presenting.report_json(store.campaigns.report(id)), indent=2))


def follow(store: Store, campaign_id: str) -> CampaignView:
    """Show a campaign's counts until it ends, live on a terminal and else a line per change."""
    view = _campaign(store, campaign_id)
    if out.is_terminal:
        with Live(progress_table(view), console=out, refresh_per_second=8) as live:
            while view.status not in CAMPAIGN_ENDS:
                time.sleep(0.25)
                view = _campaign(store, campaign_id)
                live.update(progress_table(view))
        return view
    last = ""
    while True:
        counts = {name: count for name, count in asdict(view.tally).items() if count}
        line = f"{view.status} " + " ".join(f"{name}={count}" for name, count in counts.items())
        if line != last:
            typer.echo(line)
            last = line
        if view.status in CAMPAIGN_ENDS:
            return view
        time.sleep(0.5)
        view = _campaign(store, campaign_id)


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
    return None if view.problem is None else f"It does not go on: {plain(view.problem)}."


def progress_table(view: CampaignView) -> Table:
    """The counts of a campaign with their share, as a table with bars."""
    name = plain(view.name or view.dialect)
    table = Table(title=f"{name} · {view.id} · {view.status}")
    table.add_column("messages")
    table.add_column("count", justify="right")
    table.add_column("share", width=30)
    for name in MessageStatus:
        count = getattr(view.tally, name.value)
        if count:
            table.add_row(name.value, f"{count:,}", "█" * round(30 * count / max(view.total, 1)))
    table.add_row("total", f"{view.total:,}", "", style="bold")
    return table


def _steer(id: str, order: Callable[[CampaignService, CampaignView], Awaitable[object]]) -> None:
    settings = find_settings()
    with opened_store(settings) as store:
        view = _campaign(store, id)

        async def work() -> None:
            await order(await open_campaign_service(settings, store), view)

        asyncio.run(work())
        out.print(f"requested; the campaign was {view.status}", highlight=False)


def _campaign(store: Store, id: str) -> CampaignView:
    view = store.campaigns.get(id)
    if view is None:
        raise CommandError(f"there is no campaign {id!r}")
    return view


def _operator(account: AccountView) -> Principal:
    """An operator, who has every permission of the account."""
    return Principal(
        account_id=account.id,
        key_id="operator",
        permissions=frozenset({"*"}),
        property_sid=account.property_sid,
        strict_uniform=account.strict_uniform,
        strict_keys=account.strict_keys,
        auto_key=account.auto_key,
    )
