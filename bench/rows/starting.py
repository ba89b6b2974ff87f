"""How long the command line takes to say what it can do."""

import asyncio
import subprocess
import time

from bench.figures import median
from bench.processes import clean_environment, module
from bench.rows.sizes import Sizes
from bench.stack import GodwitStack

TIMES = 5


async def measure(stack: GodwitStack, sizes: Sizes) -> dict[str, float]:
    """Seconds of ``godwit --help``, the median of five."""
    del stack, sizes
    return {"help": median([await asyncio.to_thread(_help) for _ in range(TIMES)])}


def _help() -> float:
    began = time.perf_counter()
    command = module("starter", "--help")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=clean_environment())
    return time.perf_counter() - began
