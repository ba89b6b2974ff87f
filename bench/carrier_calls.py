"""Receipts as a carrier brings them: one in each call, over connections that it keeps."""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

AT_ONCE = 64
# After a stall no more than so many seconds of calls are caught up.
BACKLOG_SECONDS = 1.0
_HEAD = (
    "POST /carriers/pretend/receipts HTTP/1.1\r\nhost: {host}\r\naccept: */*\r\n"
    "user-agent: carrier\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
)


async def bring(api: str, references: Iterable[str], rate: float = 0.0) -> list[float]:
    """Bring a receipt for each message, at most ``rate`` a second; how long each call took.

    A rate of 0 is no limit. Cancelled, it closes its connections. Raises RuntimeError for any
    answer but 202.
    """
    address = urlsplit(api)
    host, port = address.hostname or "", address.port or 80
    work = _Work(iter(references), f"{host}:{port}", rate)
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Connection(work), host, port) for _ in range(AT_ONCE)
    ]
    try:
        await asyncio.gather(*(connection.ended for _, connection in made))
    finally:
        for transport, _ in made:
            transport.abort()
    return work.seconds


class _Work:
    """What all connections have in common: the calls that are left, and when each may be made."""

    def __init__(self, references: Iterator[str], host: str, rate: float) -> None:
        self.seconds: list[float] = []
        self._references = references
        self._host = host
        self._pause = 1 / rate if rate else 0.0
        self._next = time.monotonic()

    def take(self) -> bytes | None:
        """The next call, None after the last."""
        reference = next(self._references, None)
        if reference is None:
            return None
        at = datetime.now(UTC).isoformat()
        receipt = {"id": "static", "reference": reference, "status": "delivered", "at": at}
        body = json.dumps(receipt).encode()
        return _HEAD.format(host=self._host, length=len(body)).encode() + body

    def delay(self) -> float:
        """Seconds until the next call may be made."""
        now = time.monotonic()
        self._next = max(self._next + self._pause, now - BACKLOG_SECONDS)
        return max(0.0, self._next - now)


class _Connection(asyncio.Protocol):
    """Makes one call after the other."""

    def __init__(self, work: _Work) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._work = work
        self._answer = b""
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Make the first call."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer; after the last one make the next call."""
        self._answer += data
        head, _, body = self._answer.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not length or len(body) < int(length):
            return
        if not head.startswith(b"HTTP/1.1 202"):
            self._end(RuntimeError(f"a receipt was answered {head[:12].decode('latin-1')}"))
            return
        self._work.seconds.append(time.monotonic() - self._began)
        self._answer = b""
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """End, too early unless all calls are made."""
        self._end(RuntimeError("the API closed a connection"))

    def _wait(self) -> None:
        asyncio.get_running_loop().call_later(self._work.delay(), self._call)

    def _call(self) -> None:
        if self._transport.is_closing():
            return
        if (call := self._work.take()) is None:
            self._end(None)
            return
        self._began = time.monotonic()
        self._transport.write(call)

    def _end(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None) if error is None else self.ended.set_exception(error)
