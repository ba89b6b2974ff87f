"""The static carrier: answers every message at once and counts; run as ``python -m bench.carrier``.

It takes what ``carriers/pretend.py`` sends and answers 201, without a look at the body, and
``POST /postback``. It must
be quicker than whatever is measured against it, so it does no more than find where a request ends.
``GET /stats`` tells what came since ``POST /reset``, ``GET /times`` when each came, and
``GET /bodies`` what it was.
"""

import asyncio
import json
import re
import signal
import sys
import time
from typing import cast

import uvloop

_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.I)


class Taken:
    """When each message came, in seconds of Unix time, and its body as it was."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.bodies: list[bytes] = []

    def stats(self) -> bytes:
        """The number of messages, the first's and the last's time."""
        first, last = (self.times[0], self.times[-1]) if self.times else (None, None)
        return json.dumps({"count": len(self.times), "first": first, "last": last}).encode()

    def all_bodies(self) -> bytes:
        """Every body in the order in which they came, as one list."""
        return b"[%b]" % b",".join(self.bodies)

    def clear(self) -> None:
        """Forget everything."""
        self.times.clear()
        self.bodies.clear()


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, taken: Taken) -> None:
        self.taken = taken
        self.pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        # Not isinstance: uvloop's transports are asyncio's by behaviour only.
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        pending = self.pending + data if self.pending else data
        while (end := pending.find(b"\r\n\r\n")) >= 0:
            head = pending[:end]
            found = _LENGTH.search(head)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(pending) < whole:
                break
            self._answer(head, pending[end + 4 : whole])
            pending = pending[whole:]
        self.pending = pending

    def _answer(self, head: bytes, body: bytes) -> None:
        times = self.taken.times
        if head.startswith(b"POST /messages"):
            times.append(time.time())
            self.taken.bodies.append(body)
            self._write(b"201 Created", b'{"id":"static-%d","status":"accepted"}' % len(times))
        elif head.startswith(b"POST /postback"):
            # A messenger of listmonk's takes 200 and nothing else.
            times.append(time.time())
            self.taken.bodies.append(body)
            self._write(b"200 OK", b"{}")
        elif head.startswith(b"GET /stats"):
            self._write(b"200 OK", self.taken.stats())
        elif head.startswith(b"GET /times"):
            self._write(b"200 OK", json.dumps(times).encode())
        elif head.startswith(b"GET /bodies"):
            self._write(b"200 OK", self.taken.all_bodies())
        elif head.startswith(b"POST /reset"):
            self.taken.clear()
            self._write(b"200 OK", b"{}")
        else:
            self._write(b"404 Not Found", b"{}")

    def _write(self, status: bytes, body: bytes) -> None:
        head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % (status, len(body)) + body)


async def serve() -> None:
    """Serve on a free port, which is said on standard output, until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    taken = Taken()
    server = await loop.create_server(lambda: Connection(taken), "127.0.0.1", 0, backlog=1_024)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve())
