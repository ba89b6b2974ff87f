"""The HTTP client of every carrier: connections, deadline, size limit, and failures by doubt.

A failure must say whether the message may have been taken. It certainly was not if no connection
was made, or if the carrier's answer says so (``carriers/classify.py``). Every other failure is a
DoubtfulHandoff.
"""

import asyncio
import base64
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import BytesPayload
from yarl import URL

from campaign.failures import CarrierFailure, DoubtfulHandoff, NotStarted, TemporaryFailure
from campaign.handoffs import Handoff
from carriers.classify import Answer, Sort, classify
from telemetry.logs import get_logger
from telemetry.tracing import HEADER as TRACEPARENT
from telemetry.tracing import call_span
from telemetry.version import godwit_version

log = get_logger("godwit.carriers")

ANSWER_BYTES_MAX = 64 * 1024
CONNECT_SECONDS = 5.0
KEEP_ALIVE_SECONDS = 30.0
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

Pairs = Mapping[str, str] | Sequence[tuple[str, str]]


class CarrierClient:
    """The connections to one carrier.

    ``timeout_seconds`` bounds a whole exchange, from waiting for a connection to the last byte of
    the answer. ``headers``, such as credentials, are sent with every request. ``sort`` returns the
    value of an answer or raises a CarrierFailure. ``name`` is the carrier's name in the log. With
    ``passes_trace`` a request carries the ``traceparent`` of its span: to a server of ours, and to
    no vendor (docs/decisions/0058-traces.md).
    """

    def __init__(
        self,
        base_url: str,
        timeout_seconds: float,
        connections: int,
        *,
        name: str = "",
        headers: Mapping[str, str] | None = None,
        sort: Sort = classify,
        passes_trace: bool = False,
    ) -> None:
        self._base_url = _address(base_url)
        self._timeout_seconds = timeout_seconds
        self._sort = sort
        self._name = name
        self._log = log.bind(carrier=name)
        self._passes_trace = passes_trace
        self._headers = {
            "accept": JSON,
            "accept-encoding": "identity",
            "user-agent": f"Godwit/{godwit_version()}",
            **(headers or {}),
        }
        self._json_headers = {**self._headers, "content-type": JSON}
        # If no connection was available within half the deadline, nothing was sent, and the other
        # half would hardly be enough for an answer.
        self._connect_timeout = aiohttp.ClientTimeout(
            connect=timeout_seconds / 2, sock_connect=CONNECT_SECONDS
        )
        self._connections = connections
        self._opened: aiohttp.ClientSession | None = None

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | bytes | None = None,
        *,
        form: Pairs | None = None,
        query: Pairs | None = None,
        headers: Mapping[str, str] | None = None,
        handoff: Handoff | None = None,
    ) -> tuple[int, Any]:
        """Send one request once; returns the HTTP status and what ``sort`` makes of the answer.

        ``body`` is sent as JSON (bytes are JSON already), ``form`` as a form. The request that
        sends a ``handoff`` does not start once the handoff may not start any more. Raises
        NotStarted in that case, TemporaryFailure if the request certainly was not taken,
        PermanentFailure if the carrier refused it for good, DoubtfulHandoff if it may have been
        taken.
        """
        began = time.monotonic()
        sent = self._headers if body is None else self._json_headers
        content = b""
        if isinstance(body, bytes):
            content = body
        elif body is not None:
            content = json.dumps(body, separators=(",", ":")).encode()
        elif form is not None:
            content = urlencode(form, errors="replace").encode()
            sent = {**sent, "content-type": FORM}
        if headers is not None:
            sent = {**sent, **headers}
        if query is not None:
            path = f"{path}?{urlencode(query, errors='replace')}"
        reference, status = None if handoff is None else handoff.reference, None
        with call_span(f"carrier {method}", carrier=self._name, message=reference) as span:
            if self._passes_trace and span.traceparent is not None:
                sent = {**sent, TRACEPARENT: span.traceparent}
            try:
                answer = await self._exchange(method, path, _Content(content, handoff), sent)
                status = answer.status
                span.set(status=status)
                return status, self._sort(answer)
            except CarrierFailure as failure:
                outcome = type(failure).__name__
                span.set(outcome=outcome, code=failure.code)
                self._log.info(
                    "not taken",
                    outcome=outcome,
                    code=failure.code,
                    message=reference,
                    status=status,
                    milliseconds=round((time.monotonic() - began) * 1000),
                )
                raise

    async def _exchange(
        self, method: str, path: str, content: "_Content", headers: Mapping[str, str]
    ) -> Answer:
        if self._base_url is None:
            raise TemporaryFailure("carrier_configuration")
        # The caller has quoted path and query.
        url = URL(self._base_url + path, encoded=True)
        try:
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._session().request(
                    method, url, data=content, headers=headers, allow_redirects=False
                ) as response,
            ):
                return Answer(response.status, response.headers, await _read(response.content))
        except (aiohttp.ClientError, TimeoutError, ValueError, CarrierFailure) as error:
            raise _failure(error, content) from None

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections, keepalive_timeout=KEEP_ALIVE_SECONDS, ssl=_tls()
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._connect_timeout,
                auto_decompress=False,
                skip_auto_headers=("content-type",),
                middlewares=(_send_once,),
            )
        return self._opened

    async def close(self) -> None:
        """Close every connection."""
        if self._opened is not None:
            await self._opened.close()


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a GET whose connection broke.

    It repeats on two of its own errors, so neither may reach it: with some carriers a GET sends a
    message.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        raise DoubtfulHandoff("connection_lost") from None


class _Content(BytesPayload):
    """The content of a request; just before its first byte it asks whether it may start.

    aiohttp keeps a request's head back until there is content, and content of no bytes is content
    too. So no byte of a request leaves before the question, and nothing is waited for after it.
    """

    def __init__(self, content: bytes, handoff: Handoff | None) -> None:
        super().__init__(content)
        self._handoff = handoff
        self.started = False
        self.held_back = False

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        if self._handoff is not None and not self._handoff.may_start():
            self.held_back = True
            raise NotStarted
        self.started = True
        await super().write_with_length(writer, content_length)


def _failure(error: Exception, content: _Content) -> CarrierFailure:
    """The failure that an exchange ended in, by how far the request had come."""
    if content.held_back:
        return NotStarted()
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return TemporaryFailure("carrier_configuration")
    if not content.started:
        return TemporaryFailure("no_connection")
    if isinstance(error, CarrierFailure):
        return error
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError):
        # A ServerTimeoutError is both; the deadline of the whole exchange is no aiohttp error.
        return DoubtfulHandoff("connection_lost")
    if isinstance(error, TimeoutError):
        return DoubtfulHandoff("timeout")
    return DoubtfulHandoff("answer_unreadable")  # The answer was not HTTP.


@cache
def _tls() -> ssl.SSLContext:
    """The TLS context that all carriers share, because reading the certificates is slow."""
    return ssl.create_default_context()


def basic(user: str, password: str) -> dict[str, str]:
    """The header of Basic authentication (RFC 7617, in UTF-8)."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    """The header of a bearer token (RFC 6750)."""
    return {"authorization": f"Bearer {token}"}


def _address(base_url: str) -> str | None:
    """The base URL in the form that requests need, None if it is invalid."""
    if not base_url.isprintable():
        return None
    try:
        return str(URL(base_url.rstrip("/")))
    except ValueError:
        return None


async def _read(content: aiohttp.StreamReader) -> bytes:
    answer = bytearray()
    while True:
        answer += await content.readany()
        if len(answer) > ANSWER_BYTES_MAX:
            raise DoubtfulHandoff("answer_too_large")
        if content.at_eof():
            return bytes(answer)
