"""The table of campaigns that ``godwit list`` prints."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from campaign.instants import Instant, iso
from campaign.states import CampaignStatus
from campaign.views import CampaignView
from starter.cli.context import plain
from starter.cli.words import relative

# The width, in columns, from which a terminal has room for every column.
WIDE = 120
# Between two columns; and what is left of a name at least.
GAP, NAME_MIN = 2, 4
# Statuses that would leave no room for a name on a narrow terminal.
SHORT = {CampaignStatus.FINISHED_WITH_FAILURES: "with failures"}


def print_campaigns(views: Sequence[CampaignView], terminal: Console, now: Instant) -> None:
    """Print one line per campaign.

    A pipe gets every column uncut and instants in ISO 8601. On a narrow terminal the dialect and
    the number of failures are left out, and a long name is cut.
    """
    if not terminal.is_terminal:
        terminal.print(_wide(views, None))
    elif terminal.width >= WIDE:
        terminal.print(_wide(views, now))
    else:
        terminal.print(_narrow(views, now, terminal.width))


def _wide(views: Sequence[CampaignView], now: Instant | None) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("id", "status", "dialect"):
        table.add_column(column, no_wrap=True)
    table.add_column("name", no_wrap=True, overflow="ellipsis")
    for column in ("recipients", "sent", "failed"):
        table.add_column(column, no_wrap=True, justify="right")
    table.add_column("created", no_wrap=True)
    for view in views:
        table.add_row(
            view.id,
            view.status.value,
            f"{view.dialect}/sandbox" if view.sandbox else view.dialect,
            plain(view.name or ""),
            f"{view.total:,}",
            f"{_sent(view):,}",
            f"{view.tally.failed:,}",
            iso(view.created_at) if now is None else relative(view.created_at, now),
        )
    return table


def _narrow(views: Sequence[CampaignView], now: Instant, width: int) -> Table:
    rows = [("id", "status", "sent", "created")]
    rows += [
        (
            view.id,
            SHORT.get(view.status, view.status.value) + (", sandbox" if view.sandbox else ""),
            f"{_sent(view):,}/{view.total:,}",
            relative(view.created_at, now),
        )
        for view in views
    ]
    # Only the name gives way.
    others = sum(max(map(len, column)) + GAP for column in zip(*rows, strict=True))
    table = Table(box=None, pad_edge=False)
    for column in ("id", "status", "name"):
        table.add_column(column, no_wrap=True)
    table.add_column("sent", no_wrap=True, justify="right")
    table.add_column("created", no_wrap=True)
    for view, (id, status, sent, created) in zip(views, rows[1:], strict=True):
        name = Text(plain(view.name or ""))
        name.truncate(max(width - others, NAME_MIN), overflow="ellipsis")
        table.add_row(id, status, name, sent, created)
    return table


def _sent(view: CampaignView) -> int:
    return view.tally.sent + view.tally.delivered + view.tally.undelivered
