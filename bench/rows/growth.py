"""Whether twice the recipients cost twice the time."""

from bench.contenders.godwit import contend
from bench.figures import linear_fit_r2
from bench.rows.sizes import Sizes
from bench.stack import GodwitStack


async def measure(stack: GodwitStack, sizes: Sizes) -> dict[str, float]:
    """Seconds per 1,000 recipients at three sizes, and how straight the line through them is."""
    points = {}
    for name, count in (
        ("growth_small", sizes.count // 5),
        ("growth_middle", sizes.count // 2),
        ("growth_whole", sizes.count),
    ):
        points[name] = (count, (await contend(stack, count))["whole"])
    values = {name: seconds / count * 1_000 for name, (count, seconds) in points.items()}
    return {**values, "growth_r2": linear_fit_r2(list(points.values()))}
