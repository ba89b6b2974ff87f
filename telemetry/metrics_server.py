"""The metrics of a process that has no HTTP server of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from telemetry.logs import get_logger
from telemetry.metrics import exposition
from telemetry.temporal_metrics import SDK_METRICS

log = get_logger("godwit.metrics")

REQUEST_SECONDS = 5.0
REQUEST_BYTES_MAX = 8 * 1024
CONNECTIONS_MAX = 8
_BROKEN_OFF = (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)


@asynccontextmanager
async def serving_metrics(address: str) -> AsyncIterator[None]:
    """Answer ``GET /metrics`` at ``host:port`` as long as the block runs; nowhere if it is empty.

    It answers in the caller's event loop, so that no answer means that the loop stands still. What
    Temporal's SDK counts is among it. An address that is in use is logged, and the block runs
    without.
    """
    if not address:
        yield
        return
    host, _, port = address.rpartition(":")
    slots = asyncio.Semaphore(CONNECTIONS_MAX)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(*_BROKEN_OFF):
            async with asyncio.timeout(REQUEST_SECONDS), slots:
                line, _, _ = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
                status, body = await _answer_to(line)
                head = f"HTTP/1.1 {status}\r\nContent-Type: {CONTENT_TYPE_PLAIN_0_0_4}\r\n"
                head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(
            answer, host.strip("[]"), int(port), limit=REQUEST_BYTES_MAX
        )
    except OSError as error:
        log.error("no metrics: nothing can listen at this address", address=address, exc_info=error)
        yield
        return
    draining = asyncio.create_task(SDK_METRICS.drain())
    try:
        async with server:
            yield
    finally:
        draining.cancel()
        await asyncio.gather(draining, return_exceptions=True)


async def _answer_to(line: bytes) -> tuple[str, bytes]:
    match line.split():
        case [b"GET", path, _] if path.partition(b"?")[0] == b"/metrics":
            return "200 OK", (await asyncio.to_thread(exposition)).encode()
        case [b"GET", _, _]:
            return "404 Not Found", b""
    return "405 Method Not Allowed", b""
