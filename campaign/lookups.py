"""Finding out about numbers before they are sent to."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """What a lookup tells: None where it is not known. ``possible`` is about the digits only."""

    possible: bool
    country: str | None = None
    line_type: str | None = None
    network: str | None = None


class LookupPort(Protocol):
    """Finds out about numbers before they are sent to."""

    def look_up(self, number: str) -> NumberFacts:
        """What is known of one E.164 number."""
        ...
