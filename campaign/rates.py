"""Sending rates, and grants within them.

A scope has its own rate: a carrier, a sender of an account, or a campaign. It stores the earliest
instant at which its next segment may be sent; each granted segment moves that instant by its own
duration. So segments are sent evenly, and unused time does not accumulate for a burst.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaign.instants import Instant

MILLISECOND = 1_000
SECOND = 1_000_000
# How far ahead a grant reaches; a new rate or a pause takes effect after it.
SLICE = SECOND // 2
# A chunk asks again while this much of the granted time is left.
ASK_AHEAD = SLICE // 2
# One segment an hour; a campaign that should send less than that is paused.
RATE_MIN = 1 / 3600
RATE_MAX = 100_000.0


def carrier_scope(carrier: str) -> str:
    """The scope of all messages through a carrier."""
    return f"carrier:{carrier}"


def sender_scope(account_id: str, sender: str) -> str:
    """The scope of all messages that an account sends from one sender."""
    return f"sender:{account_id}:{sender}"


def campaign_scope(campaign_id: str) -> str:
    """The scope of one campaign."""
    return f"campaign:{campaign_id}"


@dataclass(slots=True)
class RateState:
    """A rate in segments per second, and when its next segment may be sent, in microseconds."""

    rate: float
    next_at: int


class Grants:
    """Grants instants within the rates that one transaction has locked.

    ``rates`` are changed in place; the caller stores ``next_at`` of those in ``touched``.
    ``blocked_by`` is the scope that will be the first to grant what it could not grant now.
    """

    def __init__(self, rates: Mapping[str, RateState], now: Instant) -> None:
        self._rates = rates
        self._now = now * MILLISECOND
        self._until = self._now + SLICE
        self.touched: set[str] = set()
        self._blocked_until: int | None = None
        self.blocked_by: str | None = None

    def grant(self, scopes: Sequence[str], segments: int) -> Instant | None:
        """When a message of so many segments may be sent; None if not within this slice.

        It is 0 if no scope has a rate. Every scope is charged; the latest start counts.
        """
        limited = [scope for scope in scopes if scope in self._rates]
        if not limited:
            return 0
        starts = [max(self._rates[scope].next_at, self._now) for scope in limited]
        start = max(starts)
        if start >= self._until:
            if self._blocked_until is None or start < self._blocked_until:
                self._blocked_until, self.blocked_by = start, limited[starts.index(start)]
            return None
        for scope, own_start in zip(limited, starts, strict=True):
            state = self._rates[scope]
            state.next_at = own_start + round(segments * SECOND / state.rate)
            self.touched.add(scope)
        return -(-start // MILLISECOND)

    @property
    def ask_again_at(self) -> Instant | None:
        """When to ask again for what was not granted; None if everything was."""
        if self._blocked_until is None:
            return None
        return max(self._now, self._blocked_until - ASK_AHEAD) // MILLISECOND
