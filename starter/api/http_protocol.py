"""uvicorn's HTTP protocol with limits on heads, idle time and the number of connections.

With httptools, uvicorn limits none of them: a head may have any size and take any time, and its
limit of concurrency keeps connections open.
"""

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dialects.http.bodies import ARRIVED

HEAD_BYTES_MAX = 64 * 1024
HEADERS_MAX = 200
# From the connection, or from the first byte of a later request, until its head is complete.
HEAD_SECONDS_MAX = 10.0
# A client that reads nothing of a response for so long is disconnected.
WRITE_SECONDS_MAX = 60.0
# Requests that a client sends before it has the response to the first.
PIPELINED_MAX = 16
# The most that the event loop reads at once.
_READ_BYTES_MAX = 256 * 1024


class LimitedHttp(HttpToolsProtocol):
    """One connection. Subclasses have ``connections_max`` and, for all of theirs, ``waiting``.

    ``waiting`` has the connections whose next head is not complete, the longest waiting first. A
    new connection over the limit takes the place of the first of them; where every connection has
    a request in progress, it gets 503.
    """

    connections_max: ClassVar[int]
    waiting: ClassVar[dict["LimitedHttp", None]]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_bytes = 0
        self._headers = 0
        # Bytes since the parser last reported a whole part of a request.
        self._unreported = 0
        self._refused: HTTPStatus | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, in the place of one that waits if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.connections_max:
            if not self.waiting:
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
                return
            next(iter(self.waiting)).give_way()
        self._wait()

    def give_way(self) -> None:
        """Close this connection, which has no request in progress, for a new one."""
        self.waiting.pop(self, None)
        # It counts until the loop calls connection_lost, and many may come before.
        self.connections.discard(self)
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a closed connection."""
        self.waiting.pop(self, None)
        self._cancel_head_timer()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived and refuse a head that is too large."""
        if self._refused is not None or self.transport.is_closing():
            return
        self._unreported += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._unreported > HEAD_BYTES_MAX + _READ_BYTES_MAX:
            self._refused = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        if self._refused is not None:
            self._refuse(self._refused)
        elif not self._is_busy() and self._head_timer is None:
            self._start_head_timer()

    def on_message_begin(self) -> None:
        """Count the next head from zero."""
        self._head_bytes = self._headers = self._unreported = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the URL."""
        if self._fits(len(url)):
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header, or one trailer."""
        self._headers += 1
        if self._fits(len(name) + len(value)):
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request, unless its head is refused."""
        self._unreported = 0
        if len(self.pipeline) >= PIPELINED_MAX:
            self._refused = HTTPStatus.TOO_MANY_REQUESTS
        if self._refused is None:
            self.waiting.pop(self, None)
            self._cancel_head_timer()
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._unreported = 0
        if self._refused is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        if self._refused is None:
            self.scope[ARRIVED] = True  # type: ignore[literal-required]
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is here already."""
        super().on_response_complete()
        if not self._is_busy() and not self.transport.is_closing():
            self.waiting[self] = None

    def pause_writing(self) -> None:
        """Give a client that does not read a last time to do so."""
        self._write_timer = self.loop.call_later(WRITE_SECONDS_MAX, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Continue to write."""
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        super().resume_writing()

    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self.waiting[self] = None
        self._start_head_timer()

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS_MAX, self._head_is_late)

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self._is_busy():
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _fits(self, count: int) -> bool:
        """Count bytes of the head; False if it has become too large."""
        # A colon, a space and the end of the line.
        self._head_bytes += count + 4
        if self._head_bytes > HEAD_BYTES_MAX or self._headers > HEADERS_MAX:
            self._refused = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        return self._refused is None

    def _refuse(self, status: HTTPStatus) -> None:
        """Close the connection; with a response where none is under way."""
        self._refused = status
        self.waiting.pop(self, None)
        self._cancel_head_timer()
        if not self._is_busy() and not self.transport.is_closing():
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            self.transport.write(f"{head}connection: close\r\ncontent-length: 0\r\n\r\n".encode())
        self.transport.close()


def http_protocol(connections_max: int) -> type[LimitedHttp]:
    """The protocol of one server, which keeps at most ``connections_max`` connections."""
    members = {"connections_max": connections_max, "waiting": {}}
    return type("HttpProtocol", (LimitedHttp,), members)
