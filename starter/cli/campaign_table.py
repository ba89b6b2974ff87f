"""The table of campaigns that ``godwit list`` prints."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from campaign.views import CampaignView
from dialects.native import responses as presenting
from starter.cli.context import plain

# The width, in columns, from which a terminal has room for every column, and that of a pipe.
WIDE, PIPED_WIDTH = 120, 1_000


def print_campaigns(views: Sequence[CampaignView], terminal: Console) -> None:
    """Print one line per campaign.

    A pipe gets every column uncut. A narrow terminal gets neither dialect nor creation time, and
    a long name is cut.
    """
    piped = Console(markup=False, emoji=False, width=PIPED_WIDTH)
    console = terminal if terminal.is_terminal else piped
    wide = console.width >= WIDE
    table = Table(box=None, pad_edge=False)
    for column in ("id", "status"):
        table.add_column(column, no_wrap=True)
    if wide:
        table.add_column("dialect")
    table.add_column("name", no_wrap=True, overflow="ellipsis")
    for column in ("recipients" if wide else "total", "sent", "failed"):
        table.add_column(column, no_wrap=True, justify="right")
    if wide:
        table.add_column("created", no_wrap=True)
    for view in views:
        sent = view.tally.sent + view.tally.delivered + view.tally.undelivered
        cells = [view.id, view.status.value]
        cells += [view.dialect] if wide else []
        cells += [plain(view.name or ""), f"{view.total:,}", f"{sent:,}"]
        cells.append(f"{view.tally.failed:,}")
        cells += [presenting.campaign_json(view)["createdAt"]] if wide else []
        table.add_row(*cells)
    console.print(table)
