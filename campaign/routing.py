"""Routing: which carrier gets a message.

A route is an order of carriers, set by the account or the sender. A message goes to the next
carrier only after a definite failure. While one may have taken it, no other carrier gets it.

A campaign of the sandbox has one route, whatever is configured: the carrier ``SANDBOX``.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass

# The carrier that sends nothing (carriers/sandbox.py); it is in no list of carriers, so that no
# route can name it.
SANDBOX = "sandbox"
# These refusals concern the recipient, not the carrier: no other carrier is tried.
ABOUT_RECIPIENT = frozenset({"blocked", "invalid_number", "opted_out"})


@dataclass(frozen=True, slots=True)
class Choice:
    """The carrier for an attempt.

    ``round`` is the number of this pass through the route, from 1. ``more`` is true if other
    carriers are left in this round.
    """

    carrier: str
    round: int
    more: bool


def choose(route: Sequence[str], attempts: int, down: Container[str]) -> Choice | None:
    """Choose the carrier for a message with so many attempts; None if every carrier is down.

    A carrier that is down is skipped for this round.
    """
    first = attempts % len(route)
    for offset in range(len(route)):
        index = first + offset
        carrier = route[index % len(route)]
        if carrier not in down:
            tried_round, place = divmod(attempts + offset, len(route))
            more = any(later not in down for later in route[place + 1 :])
            return Choice(carrier, tried_round + 1, more)
    return None


def read_route(text: str | None, known: Sequence[str]) -> tuple[str, ...]:
    """Read ``first,second`` as a route through the ``known`` carriers; empty if none is known."""
    names = [name.strip() for name in (text or "").split(",")]
    return tuple(dict.fromkeys(name for name in names if name in known))
