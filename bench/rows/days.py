"""What a spread of 72 hours costs in history, played in a process of its own."""

import json
import tempfile
from pathlib import Path

from bench.processes import child, last_line, module
from bench.rows.sizes import Sizes
from bench.stack import GodwitStack

PLAY_SECONDS = 120.0


async def measure(stack: GodwitStack, sizes: Sizes) -> dict[str, float]:
    """Events and kilobytes of the history; the stack only waits meanwhile."""
    del stack
    with tempfile.TemporaryDirectory(prefix="godwit-bench-days-") as directory:
        log = Path(directory, "log")
        command = module("bench.three_days", directory, str(sizes.slow))
        async with child(command, log) as process:
            result = json.loads(await last_line(process, log, PLAY_SECONDS))
    return {name: float(value) for name, value in result.items()}
