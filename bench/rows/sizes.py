"""How much of everything a run takes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Recipients of the common work and of the large campaign, campaigns of the storm."""

    count: int
    large: int
    storm: int
    at_once: int

    @property
    def long(self) -> int:
        """Recipients enough that a campaign is still sending when something happens to it."""
        return min(4 * self.count, 50_000)
