"""Kept HTTP/1.1 connections to one server, and exchanges that say how far they came.

An exchange raises NotStarted or TemporaryFailure only if no byte of its request was given to a
connection, and DoubtfulHandoff after that. Nothing repeats a request: neither a broken connection
nor a redirect. Proxies and netrc are not read, cookies are not kept, and bodies are not unpacked.
"""

import asyncio
import select
import socket
import ssl
from collections.abc import Callable, Coroutine
from functools import cache
from typing import TypeVar, cast

import httptools
from aiohappyeyeballs import AddrInfoType, pop_addr_infos_interleave, start_connection

from campaign.failures import DoubtfulHandoff, NotStarted, TemporaryFailure
from carriers.classify import Answer
from carriers.requests import Server

ANSWER_BYTES_MAX = 64 * 1024
HEAD_BYTES_MAX = 64 * 1024
# All that may arrive in one exchange: heads, the sizes of chunks, trailers.
RECEIVED_BYTES_MAX = 512 * 1024
CONNECT_SECONDS = 5.0
KEEP_ALIVE_SECONDS = 30.0
RESOLVED_SECONDS = 10.0
# The time that one address has before the next one is tried beside it (RFC 8305, 5).
NEXT_ADDRESS_SECONDS = 0.25

T = TypeVar("T")


class Connections:
    """At most ``limit`` connections at once to a server, which are kept between exchanges.

    ``seconds`` bounds an exchange from waiting for a connection to the last byte of the answer. If
    no connection was available within half of them, nothing was sent, and the other half would
    hardly be enough for an answer.
    """

    def __init__(self, server: Server, seconds: float, limit: int) -> None:
        self.server = server
        self._seconds = seconds
        self._places = asyncio.Semaphore(limit)
        # The one used last comes first, so that those that are not needed expire.
        self._idle: dict[_Connection, float] = {}
        self._opened: set[_Connection] = set()
        self._expiry: asyncio.TimerHandle | None = None
        self._resolving = asyncio.Lock()
        self._addresses: list[AddrInfoType] = []
        self._resolved_until = 0.0
        self._closed = False

    async def exchange(self, request: bytes, may_start: Callable[[], bool] | None = None) -> Answer:
        """Send a request once and return the answer; not for HEAD.

        ``may_start`` is asked immediately before the first byte: nothing is waited for in between.
        Raises NotStarted if it says no, TemporaryFailure if there is no connection, DoubtfulHandoff
        if the exchange breaks later, or the answer is too large or not HTTP.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        connected_by = began + self._seconds / 2
        if self._places.locked():
            await _in_time(connected_by, self._places.acquire())
        else:
            await self._places.acquire()  # It does not wait, so it needs no timer.
        connection = self._kept()
        try:
            if connection is None:
                connection = await _in_time(connected_by, self._connect())
            if connection.is_closing() or loop.time() >= began + self._seconds:
                raise TemporaryFailure("no_connection")
            if may_start is not None and not may_start():
                raise NotStarted
            return await connection.ask(request, began + self._seconds)
        finally:
            if connection is not None:
                self._put_back(connection)
            self._places.release()

    async def close(self) -> None:
        """Close every connection; exchanges under way end in doubt, and later ones do not start."""
        self._closed = True
        if self._expiry is not None:
            self._expiry.cancel()
        for connection in list(self._opened):
            connection.abort("connection_lost")
        while self._opened:
            await asyncio.sleep(0)

    def lost(self, connection: "_Connection") -> None:
        """Forget a connection that is closed."""
        self._opened.discard(connection)
        self._idle.pop(connection, None)

    def _kept(self) -> "_Connection | None":
        """An idle connection of which nothing says that the server has closed it."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.is_quiet():
                return connection
            connection.abort("connection_lost")
        return None

    def _put_back(self, connection: "_Connection") -> None:
        if self._closed or not connection.is_reusable():
            connection.abort("connection_lost")
            return
        loop = asyncio.get_running_loop()
        self._idle[connection] = loop.time()
        if self._expiry is None:
            self._expiry = loop.call_later(KEEP_ALIVE_SECONDS, self._expire)

    def _expire(self) -> None:
        """Close the connections that were idle for long; the first are those of the longest."""
        loop = asyncio.get_running_loop()
        self._expiry = None
        for connection, since in list(self._idle.items()):
            expires = since + KEEP_ALIVE_SECONDS
            if expires > loop.time():
                self._expiry = loop.call_at(expires, self._expire)
                return
            del self._idle[connection]
            connection.abort("connection_lost")

    async def _connect(self) -> "_Connection":
        """Open a connection to the first address that lets it; raises OSError."""
        loop, server = asyncio.get_running_loop(), self.server
        addresses = await self._resolve()
        failure: OSError = OSError("closed")
        while addresses and not self._closed:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    opened = await start_connection(
                        addresses, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS, interleave=1
                    )
                    _, connection = await loop.create_connection(
                        lambda: _Connection(self),
                        sock=opened,
                        ssl=system_tls() if server.tls else None,
                        # Certificates have names without a dot at the end.
                        server_hostname=server.host.rstrip(".") if server.tls else None,
                    )
            except OSError as error:
                failure = error
                pop_addr_infos_interleave(addresses, 1)
                continue
            if not self._closed:
                self._opened.add(connection)
                return connection
            connection.abort("connection_lost")
        raise failure

    async def _resolve(self) -> list[AddrInfoType]:
        """The addresses of the server, each time another one first."""
        loop = asyncio.get_running_loop()
        async with self._resolving:
            if loop.time() >= self._resolved_until:
                found = await loop.getaddrinfo(
                    self.server.host,
                    self.server.port,
                    type=socket.SOCK_STREAM,
                    flags=socket.AI_ADDRCONFIG,
                )
                self._addresses = cast(list[AddrInfoType], found)
                self._resolved_until = loop.time() + RESOLVED_SECONDS
        self._addresses = [*self._addresses[1:], *self._addresses[:1]]
        return list(self._addresses)


class _Connection(asyncio.Protocol):
    """One connection, which carries one exchange at a time."""

    def __init__(self, pool: Connections) -> None:
        self._pool = pool
        self._transport: asyncio.Transport
        self._poll = select.poll()
        self._answer: asyncio.Future[Answer] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reusable = True
        self._parser = httptools.HttpResponseParser(self)
        # As aiohttp read the answers of carriers before.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self._received = self._head_bytes = 0
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._in_body = False

    def ask(self, request: bytes, deadline: float) -> asyncio.Future[Answer]:
        """Send a request now; the future has its answer, or a DoubtfulHandoff."""
        loop = asyncio.get_running_loop()
        self._reusable = False
        self._received = self._head_bytes = 0
        self._answer = loop.create_future()
        self._timer = loop.call_at(deadline, self.abort, "timeout")
        self._transport.write(request)
        return self._answer

    def abort(self, code: str) -> None:
        """Close the connection at once; an exchange under way fails with this code."""
        self._reusable = False
        if self._timer is not None:
            self._timer.cancel()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(DoubtfulHandoff(code))
        self._transport.abort()

    def is_closing(self) -> bool:
        """True if nothing can be written any more."""
        return self._transport.is_closing()

    def is_quiet(self) -> bool:
        """True if it is open, and nothing has arrived, neither bytes nor the end.

        What the loop has not read yet counts too.
        """
        return not self._transport.is_closing() and not self._poll.poll(0)

    def is_reusable(self) -> bool:
        """True if another exchange may follow."""
        return (
            self._reusable
            and not self._transport.is_closing()
            and not self._transport.get_write_buffer_size()
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Callback of the transport."""
        # A cast, because transports of uvloop are no instances of asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def connection_lost(self, error: Exception | None) -> None:
        """Callback of the transport."""
        self.abort("connection_lost")
        self._pool.lost(self)
        del self._parser  # It refers to this object, and collecting such circles is rare.

    def eof_received(self) -> None:
        """Callback of the transport: the end of the connection may be that of an answer."""
        endless = "content-length" not in self._headers and "transfer-encoding" not in self._headers
        if self._in_body and endless:
            self.on_message_complete()
        self.abort("connection_lost")

    def data_received(self, data: bytes) -> None:
        """Callback of the transport."""
        if self._answer is None or self._answer.done():
            self.abort("connection_lost")  # Nobody asked.
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # The answer 101 is complete, and nothing may follow.
        except httptools.HttpParserError:
            self.abort("answer_unreadable")
            return
        most = RECEIVED_BYTES_MAX if self._in_body else HEAD_BYTES_MAX
        if self._received > most and not self._answer.done():
            self.abort("answer_too_large")

    def on_message_begin(self) -> None:
        """Callback of the parser."""
        self._reusable = False  # If it is a second answer, nobody asked for it.
        self._headers = {}
        self._body = bytearray()
        self._in_body = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Callback of the parser; of a repeated header the first value stays, trailers are none."""
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > HEAD_BYTES_MAX:
            self.abort("answer_too_large")
        elif not self._in_body:
            self._headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        """Callback of the parser."""
        self._in_body = True

    def on_body(self, body: bytes) -> None:
        """Callback of the parser."""
        self._body += body
        if len(self._body) > ANSWER_BYTES_MAX:
            self.abort("answer_too_large")

    def on_message_complete(self) -> None:
        """Callback of the parser; interim answers (1xx) except a switch of protocols are none."""
        status = self._parser.get_status_code()
        self._in_body = False
        if self._answer is None or self._answer.done() or (status < 200 and status != 101):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._answer.set_result(Answer(status, self._headers, bytes(self._body)))
        self._reusable = status != 101 and self._parser.should_keep_alive()


async def _in_time(until: float, reaching: Coroutine[object, object, T]) -> T:
    """The result of what comes before a request, or a TemporaryFailure."""
    try:
        async with asyncio.timeout_at(until):
            return await reaching
    except (OSError, ValueError, OverflowError):
        raise TemporaryFailure("no_connection") from None


@cache
def system_tls() -> ssl.SSLContext:
    """The TLS context that all clients share, because reading the certificates is slow."""
    return ssl.create_default_context()
