"""The one way out to URLs that customers gave us: callbacks, media checks, lists to import.

Such a URL must not become a way in. Its host is resolved once, every address of it must be
public, and the connection goes to an address that was judged, while Host, SNI and certificate
are held to the name. Standard library sockets and h11 alone: there is no proxy, redirect, cookie
or pool that could lead elsewhere.

Whoever gave the URL learns nothing from a call that failed: one text, and no end before the floor.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from types import MappingProxyType
from typing import Protocol
from weakref import WeakValueDictionary

import h11
import structlog

from webhooks.addresses import (
    Address,
    BadUrl,
    Target,
    is_private,
    is_public,
    read_url,
    unmapped,
)
from webhooks.exchange import Answer, Reason, Stopped, exchange, request_head

log = structlog.get_logger("godwit.outward")

TEXT = "the address could not be reached"
# Of a name's addresses so many are tried, each for so long.
ADDRESSES_MAX = 3
CONNECT_SECONDS = 4.0
RESOLVERS = 16


class Unreachable(Exception):
    """A URL was refused, or the call failed. Its text is always the same."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(TEXT)
        self.reason = reason

    def __reduce__(self) -> tuple[type["Unreachable"], tuple[Reason]]:
        return Unreachable, (self.reason,)


class Resolver(Protocol):
    """A way from a name to its addresses."""

    async def __call__(self, host: str) -> Sequence[Address]:
        """All addresses of a name, the best first; raises OSError when there are none."""


class SystemResolver:
    """The resolver of the operating system, in threads of its own.

    A customer's name server that never answers must not take the threads that the rest of the
    process works in. ``absolute`` keeps the system's search list from completing a name.
    """

    def __init__(self, absolute: bool = True) -> None:
        self._suffix = "." if absolute else ""
        self._threads = ThreadPoolExecutor(RESOLVERS, "godwit-resolver")

    async def __call__(self, host: str) -> Sequence[Address]:
        """All addresses of a name, the best first; raises OSError."""
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._look_up, host + self._suffix
        )
        return [ip_address(address) for address in dict.fromkeys(found)]

    @staticmethod
    def _look_up(host: str) -> list[str]:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return [str(address[0]) for _, _, _, _, address in found]

    def close(self) -> None:
        """Start no more look-ups; those under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class EgressClient:
    """Calls URLs that were given by somebody else, one connection for each call.

    ``allow_private`` lets calls go to loopback and private addresses, to names without a dot and
    to every port: for tests. ``timeout_seconds`` bounds a whole call, from waiting for one of the
    ``per_host`` places to the last byte; ``bytes_max`` bounds the body of an answer. Without
    ``tls`` the system's authorities are trusted.
    """

    def __init__(
        self,
        allow_private: bool = False,
        resolver: Resolver | None = None,
        timeout_seconds: float = 15.0,
        bytes_max: int = 64 * 1024,
        ports: Sequence[int] = (443, 80),
        *,
        per_host: int = 8,
        floor_seconds: float = 1.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls or ssl.create_default_context()
        if not self._tls.check_hostname or self._tls.verify_mode is not ssl.CERT_REQUIRED:
            raise ValueError("a TLS context for outward calls must verify certificates and names")
        self._allow_private = allow_private
        self._own_resolver = SystemResolver(absolute=not allow_private)
        self._resolver: Resolver = resolver or self._own_resolver
        self._timeout_seconds = timeout_seconds
        self._bytes_max = bytes_max
        self._ports = frozenset(ports)
        self._per_host = per_host
        self._floor_seconds = floor_seconds
        # A host's entry lives for as long as a call holds it.
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        content: bytes = b"",
        bytes_max: int | None = None,
    ) -> Answer:
        """Call a URL once and return its answer, redirects (3xx) included.

        Raises Unreachable when the URL or a header is refused, when no complete answer comes
        within the deadline, and when the answer is compressed or larger than ``bytes_max``;
        not before the floor has passed.
        """
        began = time.monotonic()
        limit = self._bytes_max if bytes_max is None else bytes_max
        outcome = await self._outcome(method, url, headers, content, limit)
        if isinstance(outcome, Answer):
            return outcome
        await asyncio.sleep(max(0.0, began + self._floor_seconds - time.monotonic()))
        # Raised outside of any handler: no cause or context carries the true error along.
        raise Unreachable(outcome)

    def refuses(self, url: str) -> bool:
        """Whether a URL is refused for what it says, before any name in it is asked for."""
        try:
            target = self._read(url)
        except BadUrl:
            return True
        return target.literal is not None and not self._may_call(unmapped(target.literal))

    async def close(self) -> None:
        """Give up the resolver's threads; calls under way end by themselves."""
        self._own_resolver.close()

    async def _outcome(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes, bytes_max: int
    ) -> Answer | Reason:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                target = self._read(url)
                request = request_head(method, target, headers, content)
                place = self._places.setdefault(target.host, asyncio.Semaphore(self._per_host))
                async with place:
                    addresses = await self._resolve(target)
                    return await self._call(target, addresses, request, content, bytes_max)
        except Stopped as stopped:
            return stopped.reason
        except BadUrl:
            return Reason.URL
        except TimeoutError:
            return Reason.TIMEOUT
        except ssl.SSLError:
            return Reason.TLS
        except OSError:
            return Reason.CONNECTION
        except h11.RemoteProtocolError:
            return Reason.PROTOCOL
        except Exception as error:
            # A fault of ours looks from outside like any other; its text may quote the URL.
            log.error("outward_call_broke", error=type(error).__name__)
            return Reason.UNEXPECTED

    def _read(self, url: str) -> Target:
        target = read_url(url, self._allow_private)
        if not self._allow_private and target.port not in self._ports:
            raise BadUrl
        return target

    async def _resolve(self, target: Target) -> Sequence[Address]:
        """Ask once, and refuse the name when one address of it is not to be called."""
        if target.literal is not None:
            addresses: Sequence[Address] = [target.literal]
        else:
            try:
                addresses = await self._resolver(target.host)
            except OSError:
                addresses = []
        if not addresses:
            raise Stopped(Reason.RESOLUTION)
        addresses = [unmapped(address) for address in addresses]
        if not all(map(self._may_call, addresses)):
            raise Stopped(Reason.ADDRESS)
        return addresses

    def _may_call(self, address: Address) -> bool:
        return is_public(address) or (self._allow_private and is_private(address))

    async def _call(
        self,
        target: Target,
        addresses: Sequence[Address],
        request: h11.Request,
        content: bytes,
        bytes_max: int,
    ) -> Answer:
        reader, writer = await self._connect(target, addresses)
        try:
            return await exchange(reader, writer, request, content, bytes_max)
        finally:
            # No farewell: a close_notify would wait for a peer that may never read it.
            writer.transport.abort()

    async def _connect(
        self, target: Target, addresses: Sequence[Address]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the first of the addresses that lets us: as given, resolved by nobody again.

        Not one byte of the request is written before, so that trying the next repeats nothing.
        """
        https = target.scheme == "https"
        failure: OSError | None = None
        for address in addresses[:ADDRESSES_MAX]:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection(
                        str(address),
                        target.port,
                        ssl=self._tls if https else None,
                        # Both the SNI and the name that the certificate is held to.
                        server_hostname=target.host if https else None,
                    )
            except ssl.SSLError:
                raise
            except OSError as error:
                failure = error
        assert failure is not None
        raise failure
