"""Which number of the pool each request for a lease gets; the store takes it."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from campaign.alphanumeric import home_of
from campaign.instants import DAY, Instant

LEASE_FOR: Instant = 30 * DAY
# How many leases one account may have to one recipient at once (003_9fb2bf36535a4962.txt).
SLOTS = range(1, 6)


@dataclass(frozen=True, slots=True)
class Lease:
    """The account that has a number towards one recipient, and until when."""

    account_id: str
    number: str
    recipient: str
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class PoolView:
    """A number of the pool and the count of its live leases."""

    number: str
    country: str | None
    leases: int


class NoLease(StrEnum):
    """Why a number could not be leased."""

    LIMIT = "lease_limit_reached"
    NONE_FREE = "lease_unavailable"


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """A request for a number towards ``recipient`` until ``until``.

    Two requests of one account to one recipient share a lease while their ``purpose``, a digest
    of the reply options, is the same. Numbers of ``country`` are preferred; ``domestic`` takes no
    others.
    """

    recipient: str
    purpose: str
    until: Instant
    country: str | None = None
    domestic: bool = False


@dataclass(frozen=True, slots=True)
class PlannedLease:
    """A lease to write: a new one with its slot, or with a later ``expires_at`` a renewal."""

    number: str
    recipient: str
    purpose: str
    slot: int
    expires_at: Instant


class LeasePlan:
    """The leases to some recipients, and those to be written in one round of a race."""

    def __init__(self, account_id: str, pool: Sequence[tuple[str, str | None]]) -> None:
        self._account_id = account_id
        self._pool = pool
        self._taken: dict[str, set[str]] = {}
        self._mine: dict[str, dict[str, tuple[str, int]]] = {}
        self._new: set[tuple[str, str]] = set()
        self.renewals: dict[tuple[str, str], PlannedLease] = {}
        self.additions: list[PlannedLease] = []

    def know(self, recipient: str, number: str, account_id: str, purpose: str, slot: int) -> None:
        """Add a live lease."""
        self._taken.setdefault(recipient, set()).add(number)
        if account_id == self._account_id:
            self._mine.setdefault(recipient, {})[purpose] = (number, slot)

    def choose(self, request: LeaseRequest) -> str | NoLease:
        """Choose a number for a request and plan its lease, or say why there is none."""
        recipient, until = request.recipient, request.until
        mine = self._mine.get(recipient, {})
        purpose = self._purpose(request, mine)
        if purpose in mine:
            number, slot = mine[purpose]
            planned = self.renewals.get((number, recipient))
            until = until if planned is None else max(until, planned.expires_at)
            self.renewals[number, recipient] = PlannedLease(number, recipient, purpose, slot, until)
            return number
        used = {slot for _, slot in mine.values()}
        free_slot = next((slot for slot in SLOTS if slot not in used), None)
        if free_slot is None:
            return NoLease.LIMIT
        taken = self._taken.get(recipient, set())
        free = next((number for number in self._preferred(request) if number not in taken), None)
        if free is None:
            return NoLease.NONE_FREE
        self.know(recipient, free, self._account_id, purpose, free_slot)
        self._new.add((free, recipient))
        self.additions.append(PlannedLease(free, recipient, purpose, free_slot, until))
        return free

    def is_new(self, number: str, recipient: str) -> bool:
        """Tell whether a lease was chosen here, so that another account may get it first."""
        return (number, recipient) in self._new

    def _purpose(self, request: LeaseRequest, mine: Mapping[str, tuple[str, int]]) -> str:
        """The purpose of a request; another one where its lease has a number from abroad."""
        if not request.domestic or request.purpose not in mine:
            return request.purpose
        number, home = mine[request.purpose][0], home_of(request.country)
        countries = (country for known, country in self._pool if known == number)
        is_domestic = any(home_of(country) == home for country in countries)
        return request.purpose if is_domestic else f"{request.purpose}@{home}"

    def _preferred(self, request: LeaseRequest) -> Iterator[str]:
        """Yield the pool, numbers of the recipient's country first.

        Each recipient begins at another number, so that the pool is used evenly.
        """
        count = len(self._pool)
        start = zlib.crc32(request.recipient.encode()) % max(1, count)
        rotated = [self._pool[(start + offset) % count] for offset in range(count)]
        home = home_of(request.country)
        yield from (number for number, country in rotated if home_of(country) == home)
        if not request.domestic:
            yield from (number for number, country in rotated if home_of(country) != home)
