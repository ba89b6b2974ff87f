"""The canary and the brake of a campaign: who goes first, and how much may go wrong."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Any, Protocol

from campaign.instants import Instant

SIZE_MAX = 50_000
WAIT_SECONDS_MAX = 24 * 3600
WAIT_SECONDS = 300
# Each look at a running campaign reads so many messages at most.
WINDOW_MIN, WINDOW_MAX = 10, 2_000
_PERCENT = re.compile(r"(?:100|[0-9]{1,2}(?:\.[0-9]{1,2})?)%")


class Measure(StrEnum):
    """What a guard counts: refused or undelivered messages, opt-outs, messages in ``unknown``."""

    FAILURES = "failures"
    OPT_OUTS = "opt_outs"
    UNKNOWN = "unknown"


# The members of the API that set the highest rates.
MEMBERS = {
    Measure.FAILURES: "failureRateMax",
    Measure.OPT_OUTS: "optOutRateMax",
    Measure.UNKNOWN: "unknownRateMax",
}
Maxima = Mapping[Measure, float]


@dataclass(frozen=True, slots=True)
class Canary:
    """The first messages of a campaign; the others wait until their outcomes are known.

    ``size`` is a number of recipients, or a share such as "5%". The wait ends ``wait_seconds``
    after the last of them has left, and earlier if every outcome is known.
    """

    size: int | str
    wait_seconds: int
    maxima: Maxima

    def size_of(self, total: int) -> int:
        """How many of so many recipients are the canary: at least one."""
        if isinstance(self.size, int):
            return min(self.size, total)
        share = Decimal(self.size.removesuffix("%")) * total / 100
        return max(1, int(share.to_integral_value(ROUND_CEILING)))


@dataclass(frozen=True, slots=True)
class Brake:
    """How much may go wrong among the last ``window`` messages while a campaign runs."""

    window: int
    maxima: Maxima


class CanaryStore(Protocol):
    """What a campaign with a canary asks; one transaction each."""

    def canary_until(self, campaign_id: str, now: Instant) -> Instant:
        """Until when to wait for outcomes of the canary, whose messages have all left."""
        ...

    def end_canary(self, campaign_id: str, number: int, now: Instant) -> int:
        """Pause the campaign for what happened to its canary, or let the others leave.

        Either way what waits moves, so that its first message is due ``now``: a change of the plan
        with a ``number``. An order to the campaign comes first: then nothing is changed. Returns
        the number of the last change in the store.
        """
        ...


def size_fault(size: object) -> str | None:
    """The fault of a canary's size as it is written, or None."""
    if isinstance(size, int) and not isinstance(size, bool) and 1 <= size <= SIZE_MAX:
        return None
    if isinstance(size, str) and _PERCENT.fullmatch(size) and float(size[:-1]) > 0:
        return None
    return f'must be a number of recipients up to {SIZE_MAX}, or a share such as "5%"'


def stored_canary(canary: Canary | None) -> str | None:
    """A canary as the store keeps it and the API shows it."""
    if canary is None:
        return None
    members = {"size": canary.size, "waitSeconds": canary.wait_seconds}
    return json.dumps(members | _written(canary.maxima))


def stored_brake(brake: Brake | None) -> str | None:
    """A brake as the store keeps it and the API shows it."""
    return None if brake is None else json.dumps({"window": brake.window} | _written(brake.maxima))


def canary_from_json(stored: str) -> Canary:
    """Read what ``stored_canary`` made."""
    members = json.loads(stored)
    return Canary(members["size"], members["waitSeconds"], _maxima(members))


def brake_from_json(stored: str) -> Brake:
    """Read what ``stored_brake`` made."""
    members = json.loads(stored)
    return Brake(members["window"], _maxima(members))


def _written(maxima: Maxima) -> dict[str, float]:
    return {MEMBERS[measure]: rate for measure, rate in maxima.items()}


def _maxima(members: Mapping[str, Any]) -> Maxima:
    return {measure: members[name] for measure, name in MEMBERS.items() if name in members}
