"""Which carriers an account and its senders go through."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from campaign.instants import SECOND, Instant
from campaign.routing import read_route

CACHE_TTL_SECONDS: Instant = SECOND

_ROUTES = text(
    "SELECT NULL AS address, carriers FROM account WHERE id = :account AND carriers IS NOT NULL "
    "UNION ALL SELECT address, carriers FROM sender "
    "WHERE account_id = :account AND carriers IS NOT NULL"
)


class Routes:
    """Routes of accounts; ``carriers`` are those in use, in the order of who has no other wish."""

    def __init__(self, carriers: Sequence[str]) -> None:
        self._carriers = tuple(carriers)
        self._known: dict[str, tuple[Instant, Mapping[str | None, tuple[str, ...]]]] = {}

    def of(
        self, connection: Connection, account_id: str, now: Instant
    ) -> Mapping[str | None, tuple[str, ...]]:
        """The account's routes by sender, and under None that of every other sender.

        A change is seen within a second. Carriers that are not in use are left out.
        """
        until, routes = self._known.get(account_id, (0, {}))
        if not until - CACHE_TTL_SECONDS <= now < until:
            routes = {None: self._carriers}
            for row in connection.execute(_ROUTES, {"account": account_id}):
                if route := read_route(row.carriers, self._carriers):
                    routes[row.address] = route
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[account_id] = (now + CACHE_TTL_SECONDS, routes)
        return routes
