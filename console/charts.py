"""Geometry of the bars and charts, which the templates write as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from campaign.ports import Tally

BAR_WIDTH = 1_000


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bar: its class, what it counts in words, and its place in ``BAR_WIDTH``."""

    name: str
    words: str
    count: int
    left: float = 0.0
    width: float = 0.0


def bar(tally: Tally) -> Sequence[Part]:
    """The parts of the bar of a campaign that are not empty, from left to right.

    Every part is wide enough to be seen; the widest ones give that up.
    """
    counts = [
        Part("delivered", "delivered", tally.delivered),
        Part("sent", "handed to the network", tally.sent),
        Part("undelivered", "not delivered", tally.undelivered),
        Part("failed", "could not be sent", tally.failed),
        Part("unknown", "not known yet", tally.unknown),
        Part("left-out", "left out", tally.skipped + tally.cancelled),
        Part("waiting", "waiting", tally.queued + tally.sending + tally.retryable),
    ]
    present = [part for part in counts if part.count]
    least = BAR_WIDTH / 100
    wanted = [max(BAR_WIDTH * part.count / max(tally.total, 1), least) for part in present]
    scale = BAR_WIDTH / max(sum(wanted), 1)
    parts, left = [], 0.0
    for part, width in zip(present, wanted, strict=True):
        width = round(width * scale, 1)
        parts.append(Part(part.name, part.words, part.count, round(left, 1), width))
        left += width
    return parts
