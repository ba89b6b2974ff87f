"""What receipts cost a campaign that runs beside them: ``python -m bench.receiving``.

On each database, campaigns go out in turn alone and beside the receipts of the one before, one in
each call. Prints one row for each pair. With ``--seconds`` receipts come without a pause for so
long, beside one campaign after the other, and there is one row of their medians. ``--help`` lists
what can be chosen.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

from bench.carrier_calls import bring
from bench.contenders import godwit
from bench.figures import percentile
from bench.served import static_carrier
from bench.servers import postgres_server, store_url
from bench.stack import GodwitStack, godwit_stack
from bench.usage import cpu_by_part, gained
from campaign.credits import CreditKind
from campaign.settings import Settings
from store.clock import wall_clock
from store.store import open_store

# Campaigns before the receipts begin.
ALONE = 3
CREDITS = 100_000_000
HEAD = """\
| store | alone, s | beside receipts, s | longer | receipts/s | call p50, p99 ms | more CPU s |
|---|--:|--:|--:|--:|--:|---|"""


async def pair(stack: GodwitStack, count: int, rate: float) -> str:
    """Send a campaign alone, then one beside the receipts of the first; the row of both."""
    before = cpu_by_part(stack.parts())
    alone = await godwit.contend(stack, count)
    between = cpu_by_part(stack.parts())
    references = [body["reference"] for body in await stack.carrier.bodies()]
    began = time.monotonic()
    bringing = asyncio.create_task(bring(str(stack.api.base_url), references, rate))
    beside = await godwit.contend(stack, count)
    during = time.monotonic() - began
    ended_first = bringing.done()
    calls = await bringing
    took = time.monotonic() - began
    more = gained(gained(before, between), gained(between, cpu_by_part(stack.parts())))
    cells = (
        f"{alone.sending:.1f}",
        f"{beside.sending:.1f}",
        f"{beside.sending / alone.sending - 1:+.0%}",
        f"{len(calls) / took:,.0f}" + (f" for {took:.0f} s of {during:.0f}" if ended_first else ""),
        f"{percentile(calls, 50) * 1_000:.0f}, {percentile(calls, 99) * 1_000:.0f}",
        ", ".join(f"{part} {seconds:+.1f}" for part, seconds in more.items()),
    )
    return " | ".join(cells)


def grant(stack: GodwitStack) -> None:
    """Grant the account of a stack more credits than its campaigns need."""
    url = store_url(stack.url) or f"sqlite:///{stack.data / 'godwit.db'}"
    store = open_store(Settings(database_url=url))
    account = stack.description["account"]["accountId"]
    store.accounts.grant(account, CreditKind.SMS, CREDITS, "bench", wall_clock())
    store.close()


async def steady(stack: GodwitStack, count: int, rate: float, seconds: float) -> str:
    """Send campaigns one after the other beside receipts without a pause; the row of medians."""
    grant(stack)
    outcomes = [await godwit.contend(stack, count) for _ in range(ALONE)]
    sent = [body["reference"] for body in await stack.carrier.bodies()]

    def references() -> Iterator[str]:
        while time.monotonic() < ends:
            yield sent.pop()

    before, began = cpu_by_part(stack.parts()), time.monotonic()
    ends = began + seconds
    bringing = asyncio.create_task(bring(str(stack.api.base_url), references(), rate))
    while time.monotonic() < ends:
        outcomes.append(await godwit.contend(stack, count))
        sent += [body["reference"] for body in await stack.carrier.bodies()]
    calls = await bringing
    took = time.monotonic() - began
    spent = gained(before, cpu_by_part(stack.parts()))
    delivered = [(await stack.counts(one.id))["delivered"] for one in outcomes]
    if sum(delivered) != len(calls):
        raise RuntimeError(f"{sum(delivered)} delivered after {len(calls)} receipts")
    alone = [one.sending for one in outcomes[:ALONE]]
    beside = [one.sending for one in outcomes[ALONE:]]
    cells = (
        f"{median(alone):.1f}",
        f"{median(beside):.1f} ({len(beside)} campaigns)",
        f"{median(beside) / median(alone) - 1:+.0%}",
        f"{len(calls) / seconds:,.0f} for {seconds:.0f} s",
        f"{percentile(calls, 50) * 1_000:.0f}, {percentile(calls, 99) * 1_000:.0f}",
        ", ".join(f"{part} {each / took:.2f} cores" for part, each in spent.items()),
    )
    return " | ".join(cells)


async def measure(options: argparse.Namespace, directory: Path) -> None:
    """Print the rows of each database."""
    async with static_carrier(directory) as carrier, AsyncExitStack() as servers:
        for store in options.stores.split(","):
            on_postgres = store == "postgres"
            server = await servers.enter_async_context(postgres_server()) if on_postgres else None
            async with godwit_stack(carrier, directory / store, server) as stack:
                await godwit.warm_up(stack)
                for _ in range(1 if options.seconds else options.runs):
                    row = await (
                        steady(stack, options.count, options.rate, options.seconds)
                        if options.seconds
                        else pair(stack, options.count, options.rate)
                    )
                    sys.stdout.write(f"| {store} | {row} |\n")
                    sys.stdout.flush()


def main() -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(prog="bench.receiving", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="recipients of a campaign")
    parser.add_argument("--rate", type=float, default=1_000.0, help="receipts a second")
    parser.add_argument("--runs", type=int, default=3, help="pairs on each database")
    parser.add_argument("--seconds", type=float, default=0.0, help="receipts without a pause")
    parser.add_argument("--stores", default="sqlite,postgres", help="the databases, in order")
    options = parser.parse_args()
    sys.stdout.write(f"{HEAD}\n")
    with (
        tempfile.TemporaryDirectory(prefix="godwit-bench-") as directory,
        contextlib.suppress(KeyboardInterrupt),
    ):
        asyncio.run(measure(options, Path(directory)))


if __name__ == "__main__":
    main()
