"""What a contender is given to do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """So many messages to the carrier at ``url``, at most ``at_once`` of them under way.

    ``server`` is the address of whatever server the contender asked for.
    """

    url: str
    count: int
    at_once: int
    server: str = ""
