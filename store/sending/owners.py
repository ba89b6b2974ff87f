"""What the chunks of a campaign need to know of it."""

from dataclasses import dataclass

from sqlalchemy import Connection

from campaign.instants import HOUR, Instant
from store.sending.statements import OWNER
from store.sending.time_limits import TimeLimits, time_limits
from store.shared.cache import Cache


@dataclass(frozen=True, slots=True)
class Owner:
    """What a chunk needs of its campaign; it never changes."""

    account_id: str
    exclude_opt_outs: bool
    look_up_since: Instant | None
    sandbox: bool
    limits: TimeLimits
    guarded: bool


class Owners:
    """Reads each campaign once an hour."""

    def __init__(self) -> None:
        self._known: Cache[str, Owner] = Cache(HOUR)

    def of(self, connection: Connection, campaign_id: str, now: Instant) -> Owner:
        """Return what the chunks of a campaign need."""

        def read() -> Owner:
            row = connection.execute(OWNER, {"campaign": campaign_id}).one()
            # What a real carrier may have accepted is never asked about for the sandbox.
            since = None if row.sandbox else row.look_up_since
            return Owner(
                row.account_id,
                bool(row.exclude_opt_outs),
                since,
                bool(row.sandbox),
                time_limits(row),
                bool(row.guarded),
            )

        return self._known.get(campaign_id, now, read)
