"""How much of everything a run takes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Recipients and campaigns of each measurement; the defaults fit into ten minutes.

    ``count`` is the common work, ``slow`` what slow contenders send of it, ``large`` the largest
    campaign; ``storm`` and ``sleeping`` are campaigns, and ``spread_hours`` is a spread that
    is waited for.
    """

    count: int = 5_000
    slow: int = 1_000
    large: int = 50_000
    storm: int = 200
    sleeping: int = 200
    spread_hours: float = 0.01
    at_once: int = 64

    @property
    def long(self) -> int:
        """Recipients enough that a campaign is still sending when something happens to it."""
        return min(4 * self.count, 50_000)

    @property
    def growing(self) -> tuple[int, int, int, int]:
        """The sizes through which a straight line is laid."""
        return self.count // 5, self.count, self.large // 2, self.large
