"""Which number of the pool goes to whom: chosen here, taken by the statements in leases.py."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from campaign.instants import Instant

# How many leases one account may have to one recipient at once (003_9fb2bf36535a4962.txt).
SLOTS = range(1, 6)


class NoLease(StrEnum):
    """Why a number could not be leased."""

    LIMIT = "lease_limit_reached"
    NONE_FREE = "lease_unavailable"


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """A number wanted towards ``recipient`` until ``until``.

    Two wishes of one account to one recipient share a lease while their ``purpose``, a digest of
    what answers are wanted for, is the same. ``country`` is preferred, no more.
    """

    recipient: str
    purpose: str
    until: Instant
    country: str | None = None


class LeasePlan:
    """What is leased to some recipients, and what shall be; no more than one round of a race."""

    def __init__(self, account_id: str, pool: Sequence[tuple[str, str | None]]) -> None:
        self._account_id = account_id
        self._pool = pool
        self._taken: dict[str, set[str]] = {}
        self._mine: dict[str, dict[str, tuple[str, int]]] = {}
        self._new: set[tuple[str, str]] = set()
        self.renewals: dict[tuple[str, str], dict[str, Any]] = {}
        self.additions: list[dict[str, Any]] = []

    def know(self, recipient: str, number: str, account_id: str, purpose: str, slot: int) -> None:
        """Take note of a live lease."""
        self._taken.setdefault(recipient, set()).add(number)
        if account_id == self._account_id:
            self._mine.setdefault(recipient, {})[purpose] = (number, slot)

    def choose(self, lease_request: LeaseRequest) -> str | NoLease:
        """Choose a number for a wish and note what is to be written, or say why there is none."""
        mine = self._mine.get(lease_request.recipient, {})
        if lease_request.purpose in mine:
            number = mine[lease_request.purpose][0]
            key = (number, lease_request.recipient)
            until = max(lease_request.until, self.renewals.get(key, {}).get("u", 0))
            self.renewals[key] = {
                "n": number,
                "r": lease_request.recipient,
                "w": lease_request.purpose,
                "u": until,
            }
            return number
        used = {slot for _, slot in mine.values()}
        slot = next((slot for slot in SLOTS if slot not in used), None)
        if slot is None:
            return NoLease.LIMIT
        taken = self._taken.get(lease_request.recipient, set())
        free = next(
            (number for number in self._preferred(lease_request) if number not in taken), None
        )
        if free is None:
            return NoLease.NONE_FREE
        self.know(lease_request.recipient, free, self._account_id, lease_request.purpose, slot)
        self._new.add((free, lease_request.recipient))
        self.additions.append(
            {
                "n": free,
                "r": lease_request.recipient,
                "w": lease_request.purpose,
                "s": slot,
                "u": lease_request.until,
            }
        )
        return free

    def is_new(self, number: str, recipient: str) -> bool:
        """Tell whether a lease was chosen here, so that somebody else may get it first."""
        return (number, recipient) in self._new

    def _preferred(self, lease_request: LeaseRequest) -> Iterator[str]:
        """The pool, numbers of the recipient's country first.

        Recipients begin at different numbers, so that the pool is used evenly.
        """
        count = len(self._pool)
        start = zlib.crc32(lease_request.recipient.encode()) % max(1, count)
        turned = [self._pool[(start + offset) % count] for offset in range(count)]
        yield from (number for number, country in turned if country == lease_request.country)
        yield from (number for number, country in turned if country != lease_request.country)
