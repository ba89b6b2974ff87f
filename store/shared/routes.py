"""Which carriers an account and its senders use."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from campaign.instants import SECOND, Instant
from campaign.routing import SANDBOX, read_route
from store.shared.cache import Cache

_IN_SANDBOX: Mapping[str | None, tuple[str, ...]] = {None: (SANDBOX,)}
_ROUTES = text("""
    SELECT NULL AS address, carriers FROM account
    WHERE id = :account AND carriers IS NOT NULL
    UNION ALL
    SELECT address, carriers FROM sender
    WHERE account_id = :account AND carriers IS NOT NULL
""")


class Routes:
    """Routes of accounts; ``carriers`` are those in use, in the order of the default route."""

    def __init__(self, carriers: Sequence[str]) -> None:
        self.carriers = tuple(carriers)
        self._routes: Cache[str, Mapping[str | None, tuple[str, ...]]] = Cache(SECOND)

    def of(
        self, connection: Connection, account_id: str, now: Instant, sandbox: bool = False
    ) -> Mapping[str | None, tuple[str, ...]]:
        """Return the account's routes by sender; that under None is for every other sender.

        A change is seen within a second. Carriers that are not in use are left out. In the
        ``sandbox`` no setting counts.
        """
        if sandbox:
            return _IN_SANDBOX

        def read() -> Mapping[str | None, tuple[str, ...]]:
            routes: dict[str | None, tuple[str, ...]] = {None: self.carriers}
            for row in connection.execute(_ROUTES, {"account": account_id}):
                if route := read_route(row.carriers, self.carriers):
                    routes[row.address] = route
            return routes

        return self._routes.get(account_id, now, read)
