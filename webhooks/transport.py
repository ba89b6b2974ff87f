"""An httpx transport that connects to judged addresses only, one connection for each request.

httpx's own transport takes no network backend, and a connection pool of httpcore cannot lower
its limit of 100 KiB for a response head. So this transport opens the connection itself and hands
it to httpcore's HTTP/1.1 connection. The stream is ours too: it bounds all that arrives, and it
does not wait until a request is written whole, because a server may answer before.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

import anyio
import httpcore
import httpx

from webhooks.addresses import LOCALHOST, Address, may_call, unmapped
from webhooks.resolver import Resolver

HEAD_BYTES_MAX = 16 * 1024
# With the end of a head, so much of the body may arrive in one read.
READ_AHEAD_BYTES = 64 * 1024
# A name has at most so many addresses tried, each for so long.
ADDRESSES_MAX = 3
CONNECT_SECONDS = 4.0


class Reason(StrEnum):
    """Why a call failed. For our logs; never shown to the account that chose the URL."""

    URL = "url"
    REQUEST = "request"
    RESOLUTION = "resolution"
    ADDRESS = "address"
    CONNECTION = "connection"
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"
    TOO_LARGE = "too_large"
    ENCODED = "encoded"
    UNEXPECTED = "unexpected"


class EgressError(httpx.TransportError):
    """A request has no usable response, for the reason it carries."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class _Connection(httpcore.AsyncHTTP11Connection):
    MAX_INCOMPLETE_EVENT_SIZE = HEAD_BYTES_MAX
    READ_NUM_BYTES = 16 * 1024


@dataclass
class _Stream(httpcore.AsyncNetworkStream):
    """An open connection of which only so many bytes are read; the client bounds the time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    bytes_left: int

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self.reader.read(max_bytes)
        self.bytes_left -= len(data)
        if self.bytes_left < 0:
            raise EgressError(Reason.TOO_LARGE)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # Not drained: a server may answer, and close, before it has read everything.
        self.writer.write(buffer)

    async def aclose(self) -> None:
        # A regular close sends close_notify, and waits for a peer that may never read it.
        self.writer.transport.abort()


class EgressTransport(httpx.AsyncBaseTransport):
    """Sends one request over one new connection, to an address of its host that was judged.

    The host is resolved once by ``resolver``. All its addresses must be public, or private if
    ``allow_private``; the connection goes to one of them, while the Host header, the SNI and the
    name in the certificate stay those of the URL. ``tls`` verifies the server.
    """

    def __init__(self, resolver: Resolver, tls: ssl.SSLContext, allow_private: bool) -> None:
        self._resolver = resolver
        self._tls = tls
        self._allow_private = allow_private
        # httpcore makes locks of anyio, which loads a loop's code with the first: now, and not
        # within the timeout of the first call.
        anyio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response, the body included.

        The extension ``bytes_max`` of the request bounds the body; without one the body is not
        read, and the response is empty. ``loopback`` permits this machine. Raises EgressError for a
        host that is not to be called, a failed connection, and a response that is too large,
        compressed, cut off or not HTTP. Connecting is bounded in time, the exchange is not.
        """
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        sent = httpcore.Request(
            request.method,
            url,
            headers=request.headers.raw,
            content=request.content,
            extensions=request.extensions,
        )
        body_max: int | None = request.extensions["bytes_max"]
        try:
            loopback: bool = request.extensions["loopback"]
            addresses = await self._resolve(url.host.decode(), loopback)
            reader, writer = await self._connect(url.origin, addresses)
            # All that arrives counts: chunk sizes, trailers and interim responses (1xx) too.
            room = READ_AHEAD_BYTES if body_max is None else body_max + body_max // 8
            stream = _Stream(reader, writer, HEAD_BYTES_MAX + room)
            return await _exchange(stream, sent, body_max)
        except ssl.SSLError as error:
            raise EgressError(Reason.TLS) from error
        except TimeoutError as error:
            raise EgressError(Reason.TIMEOUT) from error
        except OSError as error:
            raise EgressError(Reason.CONNECTION) from error
        except httpcore.RemoteProtocolError as error:
            raise EgressError(Reason.PROTOCOL) from error

    async def _resolve(self, host: str, loopback: bool) -> Sequence[Address]:
        """Resolve a host once, and refuse it if any of its addresses is not to be called."""
        if loopback and host == LOCALHOST:
            # No resolver may say otherwise (RFC 6761).
            return [IPv4Address("127.0.0.1"), IPv6Address("::1")]
        try:
            addresses: Sequence[Address] = [ip_address(host)]
        except ValueError:
            try:
                addresses = await self._resolver(host)
            except OSError:
                addresses = []
        if not addresses:
            raise EgressError(Reason.RESOLUTION)
        if not all(may_call(address, self._allow_private, loopback) for address in addresses):
            raise EgressError(Reason.ADDRESS)
        return [unmapped(address) for address in addresses]

    async def _connect(
        self, origin: httpcore.Origin, addresses: Sequence[Address]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the first of the addresses that accepts; none is resolved again.

        No byte of the request is written before, so trying the next address repeats nothing.
        """
        https = origin.scheme == b"https"
        failure: OSError | None = None
        for address in addresses[:ADDRESSES_MAX]:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection(
                        str(address),
                        origin.port,
                        ssl=self._tls if https else None,
                        # Both the SNI and the name that the certificate must have.
                        server_hostname=origin.host.decode() if https else None,
                    )
            except ssl.SSLError:
                raise
            except OSError as error:
                failure = error
        assert failure is not None
        raise failure


async def _exchange(
    stream: _Stream, sent: httpcore.Request, body_max: int | None
) -> httpx.Response:
    connection = _Connection(sent.url.origin, stream)
    try:
        response = await connection.handle_async_request(sent)
        headers = httpx.Headers(response.headers)
        if response.status < 200:
            raise EgressError(Reason.PROTOCOL)
        if body_max is None:
            return httpx.Response(response.status, headers=_status_headers(headers))
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise EgressError(Reason.ENCODED)
        body = bytearray()
        async for part in response.aiter_stream():
            body += part
            if len(body) > body_max:
                raise EgressError(Reason.TOO_LARGE)
    finally:
        await connection.aclose()
    return httpx.Response(response.status, headers=headers, stream=httpx.ByteStream(bytes(body)))


def _status_headers(headers: httpx.Headers) -> httpx.Headers:
    """Headers without those that describe a body."""
    kept = [(name, value) for name, value in headers.multi_items() if name[:8] != "content-"]
    return httpx.Headers([one for one in kept if one[0] != "transfer-encoding"])
