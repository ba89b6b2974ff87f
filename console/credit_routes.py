"""The credits of the account: what is left, and every movement."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.credits import CreditKind
from campaign.instants import DAY
from console.handling import Console
from console.positions import read_position, write_position
from dialects.http.auth import Permission
from store.clock import wall_clock
from store.database.threads import read_in_thread

PAGE = 50
# Of use, today included.
DAYS = 30


def routes(console: Console, router: APIRouter) -> None:
    """Add the route about credits."""
    store = console.api.store

    @router.get("/credits")
    async def show(request: Request, before: str | None = None) -> Response:
        """The balances, and a page of movements, newest first."""
        session = await console.enter(request, Permission.READ)
        account_id = session.principal.account_id
        account = await read_in_thread(store.accounts.show, account_id)
        assert account is not None
        found = await read_in_thread(
            store.ledger_entries.list, account_id, PAGE + 1, read_position(before)
        )
        entries, following = found[:PAGE], None
        if len(found) > PAGE:
            following = write_position(entries[-1].at, entries[-1].id)
        since = (wall_clock() // DAY - DAYS + 1) * DAY
        days = await read_in_thread(store.ledger_entries.spent_by_day, account_id, since)
        return console.page(
            request,
            "credits.html",
            balances=account.balances,
            entries=entries,
            following=following,
            is_first=before is None,
            days=days,
            kinds=tuple(CreditKind),
        )
