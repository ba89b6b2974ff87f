"""Which carrier gets a message: the account and the sender say in which order, health says who.

A route is an order of carriers. A message goes to the next one only after a definite no: one that
may have taken it is asked, or leaves it in doubt, but nobody else ever gets it meanwhile.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass

# A carrier that says this speaks of the recipient, not of itself: no other is asked.
ABOUT_RECIPIENT = frozenset({"blocked", "invalid_number", "opted_out"})


@dataclass(frozen=True, slots=True)
class Choice:
    """The carrier for an attempt.

    ``round`` counts from 1 how often the whole route has been tried with this attempt, and
    ``more`` says that others of this round are left, should this one say no.
    """

    carrier: str
    round: int
    more: bool


def choose(route: Sequence[str], attempts: int, down: Container[str]) -> Choice | None:
    """Choose for a message that was tried so many times; None when every carrier is down.

    A carrier that is down is passed over, so its turn is lost and not made up for.
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
    """Read ``first,second`` as a route through carriers that are in use; empty for none of them."""
    names = [name.strip() for name in (text or "").split(",")]
    return tuple(dict.fromkeys(name for name in names if name in known))
