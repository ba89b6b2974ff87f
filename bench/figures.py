"""The arithmetic of the table: medians, percentiles, fits."""

from collections.abc import Sequence
from statistics import fmean, median

__all__ = ["linear_fit_r2", "median", "percentile", "spread"]


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that ``percent`` of 100 are at or below, interpolated between neighbours."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def spread(values: Sequence[float]) -> tuple[float, float]:
    """The lowest and the highest value."""
    return min(values), max(values)


def linear_fit_r2(points: Sequence[tuple[float, float]]) -> float:
    """How much of the second numbers a straight line through the points explains, 0 to 1."""
    if len(points) < 3:
        raise ValueError("a fit of fewer than three points says nothing")
    x_mean, y_mean = fmean(x for x, _ in points), fmean(y for _, y in points)
    x_square = sum((x - x_mean) ** 2 for x, _ in points)
    y_square = sum((y - y_mean) ** 2 for _, y in points)
    if x_square == 0:
        raise ValueError("all points are at the same place")
    if y_square == 0:
        return 1.0
    product = sum((x - x_mean) * (y - y_mean) for x, y in points)
    return product**2 / (x_square * y_square)
