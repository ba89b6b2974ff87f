"""How often a canary and a brake stop a campaign, and after how many messages: docs/canary.md.

``python -m bench.canary`` prints the tables. Each row is 200 campaigns with seeds from 0 on, whose
messages fail with the same probability, one as good as the other; nothing is sent.
"""

import random
import statistics
import sys
from collections.abc import Iterator, Sequence

from campaign.canary import Maxima, Measure
from campaign.sequential_test import CountedMessage, conclude, find_stop, outcomes_needed
from campaign.states import MessageStatus

RUNS = 200
RATE_MAX = 0.05
RATES = (0.2, 0.1, 0.05, 0.025, 0.01)
CANARY_SIZES = (10, 20, 50, 100)
MESSAGES = 10_000
WINDOW = 200
MAXIMA: Maxima = {Measure.FAILURES: RATE_MAX}


def drawn(seed: int, count: int, rate: float) -> Sequence[CountedMessage]:
    """So many messages of which each fails with the same probability."""
    source = random.Random(f"{seed} {rate}")
    statuses = (MessageStatus.FAILED, MessageStatus.DELIVERED)
    return [
        CountedMessage(statuses[source.random() >= rate], "pretend", "+18005559876", "US")
        for _ in range(count)
    ]


def stopped_canaries(size: int, rate: float, runs: int = RUNS) -> int:
    """How many of the canaries stop their campaigns."""
    messages = [drawn(seed, size, rate) for seed in range(runs)]
    return sum(conclude("canary", each, MAXIMA) is not None for each in messages)


def braked_at(seed: int, rate: float, count: int = MESSAGES) -> int | None:
    """After how many messages the brake stops a campaign, looking after each; None: never."""
    messages, needed = drawn(seed, count, rate), outcomes_needed(RATE_MAX)
    failed: list[int] = []
    for index, message in enumerate(messages):
        if message.status is not MessageStatus.FAILED:
            continue
        # Only a bad outcome stops, and never before so many of them.
        failed = [at for at in (*failed, index) if at > index - WINDOW]
        window = messages[failed[0] : index + 1]
        if len(failed) >= needed and find_stop("brake", window, MAXIMA) is not None:
            return index + 1
    return None


def lines() -> Iterator[str]:
    """The lines of both tables."""
    yield "| failures | " + " | ".join(f"canary of {size}" for size in CANARY_SIZES) + " |"
    yield "|---|" + "---|" * len(CANARY_SIZES)
    for rate in RATES:
        stops = (f"{stopped_canaries(size, rate) / RUNS:.1%}" for size in CANARY_SIZES)
        yield f"| {rate:.1%} | " + " | ".join(stops) + " |"
    yield ""
    yield "| failures | stopped | median messages until the stop | 90 % within |"
    yield "|---|---|---|---|"
    for rate in RATES:
        found = sorted(at for seed in range(RUNS) if (at := braked_at(seed, rate)) is not None)
        median = f"{statistics.median(found):.0f}" if found else "–"
        most = f"{found[len(found) * 9 // 10]}" if found else "–"
        yield f"| {rate:.1%} | {len(found) / RUNS:.1%} | {median} | {most} |"


if __name__ == "__main__":
    for line in lines():
        sys.stdout.write(line + "\n")
