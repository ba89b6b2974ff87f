"""Who has a speed, and how a grant is cut from it.

A scope is something that has a speed of its own: a carrier, an account's sender, a campaign. Each
keeps one instant, the earliest at which its next segment may leave; a segment that is granted
moves that instant by the time that it takes. So segments leave evenly, whoever asked, and time
in which nobody asked is not saved up for a burst.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaign.instants import Instant

MILLISECOND = 1_000
SECOND = 1_000_000
# How far ahead a grant may reach. What is changed (a rate, a pause) takes effect after it.
SLICE = SECOND // 2
# Who is out of turn asks again while there is still this much of the granted time left.
ASK_AHEAD = SLICE // 2
RATE_MAX = 100_000.0


def carrier_scope(carrier: str) -> str:
    """The scope of all that goes through a carrier."""
    return f"carrier:{carrier}"


def sender_scope(account_id: str, sender: str) -> str:
    """The scope of all that an account sends from one sender."""
    return f"sender:{account_id}:{sender}"


def campaign_scope(campaign_id: str) -> str:
    """The scope of one campaign."""
    return f"campaign:{campaign_id}"


@dataclass(slots=True)
class RateState:
    """A speed in segments per second, and when its next segment may leave, in microseconds."""

    rate: float
    next_at: int


class Grants:
    """Cuts grants for one transaction out of the paces that it has locked.

    ``paces`` are changed in place; write ``next_at`` of those in ``touched`` back.
    """

    def __init__(self, rates: Mapping[str, RateState], now: Instant) -> None:
        self._rates = rates
        self._now = now * MILLISECOND
        self._until = self._now + SLICE
        self.touched: set[str] = set()
        self._blocked_until: int | None = None

    def grant(self, scopes: Sequence[str], segments: int) -> Instant | None:
        """When a message of so many segments may leave, or None if not within this slice.

        It is 0 where nothing is paced. All scopes pay for it; the slowest says when.
        """
        paced = [scope for scope in scopes if scope in self._rates]
        if not paced:
            return 0
        starts = [max(self._rates[scope].next_at, self._now) for scope in paced]
        start = max(starts)
        if start >= self._until:
            blocked = self._blocked_until
            self._blocked_until = start if blocked is None else min(blocked, start)
            return None
        for scope, own_start in zip(paced, starts, strict=True):
            pace = self._rates[scope]
            pace.next_at = own_start + round(segments * SECOND / pace.rate)
            self.touched.add(scope)
        return -(-start // MILLISECOND)

    @property
    def ask_again_at(self) -> Instant | None:
        """When to come for what was not granted; None when all was."""
        if self._blocked_until is None:
            return None
        return max(self._now, self._blocked_until - ASK_AHEAD) // MILLISECOND
