"""Calls to URLs that accounts chose: webhooks, forwarded replies and media checks.

Such a URL must not lead into the network of the installation. Its text is judged here, the
addresses of its host by the transport. The transport is called without ``httpx.AsyncClient``,
which keeps cookies, logs URLs, and fails on a redirect whose Location it cannot parse even if
redirects are not followed.

The account behind the URL learns nothing from a failed call: one error text, and no failure before
the floor has passed.
"""

import asyncio
import re
import ssl
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from weakref import WeakValueDictionary

import httpx

from carriers.connections import system_tls
from telemetry.logs import get_logger
from webhooks.addresses import PORTS, BadUrl, Target, is_callable, read_callable
from webhooks.resolver import Resolver, SystemResolver
from webhooks.transport import EgressError, EgressTransport, Reason

log = get_logger("godwit.egress")

TEXT = "the address could not be reached"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT"})
# These say who receives a message and where it ends; callers do not choose them.
_RESERVED = frozenset(
    "accept-encoding connection content-length expect host keep-alive te trailer "
    "transfer-encoding upgrade".split()
)
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[!-~]?|[!-~][ -~\t]*[!-~]")


class Unreachable(Exception):
    """A URL was refused, or the call failed. Its text is always the same."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(TEXT)
        self.reason = reason

    def __reduce__(self) -> tuple[type["Unreachable"], tuple[Reason]]:
        return Unreachable, (self.reason,)


class EgressClient:
    """Calls URLs that somebody else chose, one connection for each call.

    ``allow_private`` permits loopback and private addresses, names without a dot and every port:
    for tests. ``allow_loopback`` permits this machine alone, by ``localhost`` or by its addresses,
    and there every port. ``resolver`` replaces the system's. ``timeout_seconds`` bounds a whole
    call, from waiting for one of the ``per_host`` places to the last byte; ``bytes_max`` bounds the
    body of a response, in bytes. Other ``ports`` are refused. A failed call takes ``floor_seconds``
    or more. Without ``tls`` the system's authorities are trusted. Raises ValueError if ``tls`` does
    not verify certificates and names.
    """

    def __init__(
        self,
        allow_private: bool = False,
        resolver: Resolver | None = None,
        timeout_seconds: float = 15.0,
        bytes_max: int = 64 * 1024,
        ports: Sequence[int] = PORTS,
        *,
        allow_loopback: bool = False,
        per_host: int = 8,
        floor_seconds: float = 1.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        tls = tls or system_tls()
        if not tls.check_hostname or tls.verify_mode is not ssl.CERT_REQUIRED:
            raise ValueError("a TLS context for outbound calls must verify certificates and names")
        self._allow_private = allow_private
        self._allow_loopback = allow_loopback
        self._system_resolver = SystemResolver(absolute=not allow_private)
        self._transport = EgressTransport(resolver or self._system_resolver, tls, allow_private)
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
        status_only: bool = False,
    ) -> httpx.Response:
        """Call a URL once and return the response with its body, redirects (3xx) included.

        ``method`` is GET, HEAD, POST or PUT; ``headers`` and ``content`` are sent as given;
        ``bytes_max`` bounds the body of this response, in bytes. With ``status_only`` the call ends
        with the head of the response; its body, whatever it is, is not read.

        Raises Unreachable when the URL or a header is refused, when no complete response arrives
        within the timeout, and when the response is compressed or too large; not before the floor
        has passed.
        """
        began = time.monotonic()
        limit = None if status_only else self._bytes_max if bytes_max is None else bytes_max
        outcome = await self._outcome(method, url, headers, content, limit)
        if isinstance(outcome, httpx.Response):
            return outcome
        await asyncio.sleep(max(0.0, began + self._floor_seconds - time.monotonic()))
        # Raised outside of any handler: no cause or context carries the true error along.
        raise Unreachable(outcome)

    def refuses(self, url: str) -> bool:
        """Return whether a URL is refused by its text alone, before any name is resolved."""
        return not is_callable(url, self._allow_private, self._allow_loopback, self._ports)

    async def close(self) -> None:
        """Release the resolver's threads; calls in progress end by themselves."""
        self._system_resolver.close()

    async def _outcome(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes,
        bytes_max: int | None,
    ) -> httpx.Response | Reason:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                target = self._read(url)
                extensions = {
                    # Path and query go out as they were given; httpx's URL resolves dot segments.
                    "target": target.path_and_query.encode(),
                    "bytes_max": bytes_max,
                    "loopback": self._allow_loopback and target.is_loopback,
                }
                request = _build_request(method, target, headers, content, extensions)
                place = self._places.setdefault(target.host, asyncio.Semaphore(self._per_host))
                async with place:
                    response = await self._transport.handle_async_request(request)
                await response.aread()
                return response
        except EgressError as error:
            return error.reason
        except BadUrl:
            return Reason.URL
        except TimeoutError:
            return Reason.TIMEOUT
        except Exception as error:
            # A fault of ours looks from outside like any other; its text may quote the URL.
            log.error("egress_call_broke", error=type(error).__name__)
            return Reason.UNEXPECTED

    def _read(self, url: str) -> Target:
        return read_callable(url, self._allow_private, self._allow_loopback, self._ports)


def _build_request(
    method: str,
    target: Target,
    headers: Mapping[str, str],
    content: bytes,
    extensions: Mapping[str, Any],
) -> httpx.Request:
    """Make a request; raises EgressError for one that a server could read in another way."""
    given = {name.lower(): value for name, value in headers.items()}
    if (
        method not in METHODS
        or len(given) != len(headers)
        or not given.keys().isdisjoint(_RESERVED)
        or not all(map(_NAME.fullmatch, given))
        or not all(map(_VALUE.fullmatch, given.values()))
    ):
        raise EgressError(Reason.REQUEST)
    ours = {"host": target.authority, "accept-encoding": "identity", "connection": "close"}
    return httpx.Request(
        method,
        httpx.URL(scheme=target.scheme, host=target.host, port=target.port),
        headers={**ours, "user-agent": "Godwit", **given},
        content=content,
        extensions=dict(extensions),
    )
