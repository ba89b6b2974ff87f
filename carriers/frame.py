"""The frame round every HTTP carrier: deadline, size cap, and what each failure means.

What matters of a failure is whether the message may have left. Only what fails before a byte
was written (no connection) or what the carrier's answer says clearly is called sure; all else
is a DoubtfulHandoff.
"""

import asyncio
import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from campaign.failures import (
    CarrierFailure,
    DoubtfulHandoff,
    PermanentFailure,
    TemporaryFailure,
)
from campaign.instants import SECOND
from campaign.retry import RETRY_AFTER_MAX

ANSWER_BYTES_MAX = 64 * 1024
CONNECT_SECONDS = 5.0
KEEP_ALIVE_SECONDS = 30.0
RETRY_AFTER_SECONDS_MAX = RETRY_AFTER_MAX / SECOND
_CODE = re.compile(r"[a-z0-9_]{1,40}")
# Our own misconfiguration is no fault of the recipient: the message waits until it is mended.
_OUR_FAULT = {401, 403, 404, 405, 407}
_REQUEST_TIMEOUT = 408


class Frame:
    """One carrier's connections, and a bounded way to ask it something.

    ``timeout_seconds`` bounds a whole exchange, from waiting for a connection to the answer's
    last byte; httpx's own timeouts bound only single reads.
    """

    def __init__(self, base_url: str, timeout_seconds: float, connections: int) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        context = httpx.create_ssl_context()

        def session() -> aiohttp.ClientSession:
            return aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=connections, keepalive_timeout=KEEP_ALIVE_SECONDS, ssl=context
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
            )

        # The transport is called without httpx's client around it: several times as fast, and
        # cookies, redirects and authentication are not wanted here (bench/README.md).
        self._transport: httpx.AsyncBaseTransport = AiohttpTransport(verify=context, client=session)

    async def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, Any]:
        """Exchange JSON once: the status and the decoded body of a 2xx answer.

        Raises TemporaryFailure when the request surely was not taken, PermanentFailure when the
        carrier refused it for good, DoubtfulHandoff when it may have been taken.
        """
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        content = b""
        if body is not None:
            content = json.dumps(body, separators=(",", ":")).encode()
            headers["content-type"] = "application/json"
        try:
            request = httpx.Request(
                method,
                self._base_url + path,
                headers=headers,
                content=content,
                extensions={"timeout": {"connect": CONNECT_SECONDS}},
            )
            async with asyncio.timeout(self._timeout_seconds):
                response = await self._transport.handle_async_request(request)
                try:
                    answer = await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise DoubtfulHandoff("timeout") from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise _sorted(error) from None
        except (aiohttp.ClientError, ValueError):
            # No HTTP at all; the transport lets these through as they are.
            raise DoubtfulHandoff("answer_unreadable") from None
        return _judge(response, answer)

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.aclose()


async def _read(response: httpx.Response) -> bytes:
    chunks = bytearray()
    assert isinstance(response.stream, httpx.AsyncByteStream)
    async for chunk in response.stream:
        chunks += chunk
        if len(chunks) > ANSWER_BYTES_MAX:
            raise DoubtfulHandoff("answer_too_large")
    return bytes(chunks)


def _sorted(error: Exception) -> CarrierFailure:
    """Tell failures before the first byte from those after it.

    The transport reports a connection that broke *during* the exchange as a ConnectTimeout too,
    so the underlying error decides.
    """
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return TemporaryFailure("carrier_configuration")
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return TemporaryFailure("no_connection")
    return DoubtfulHandoff("connection_lost")


def _judge(response: httpx.Response, answer: bytes) -> tuple[int, Any]:
    status = response.status_code
    if 200 <= status < 300:
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise DoubtfulHandoff("answer_unreadable")
        decoded = _decode(answer)
        if decoded is None:
            raise DoubtfulHandoff("answer_unreadable")
        return status, decoded
    if status in (429, 503):
        wait = retry_after(response.headers.get("retry-after"), time.time())
        raise TemporaryFailure("rate_limited" if status == 429 else "unavailable", wait)
    if status in _OUR_FAULT:
        raise TemporaryFailure("carrier_configuration")
    if 400 <= status < 500 and status != _REQUEST_TIMEOUT:
        raise PermanentFailure(_code(answer) or f"http_{status}")
    # A redirect is not followed, and a 408 or 5xx may come after the message was taken.
    raise DoubtfulHandoff(f"http_{status}")


def _decode(answer: bytes) -> Any:
    try:
        return json.loads(answer)
    except (ValueError, RecursionError):
        return None


def _code(answer: bytes) -> str | None:
    decoded = _decode(answer)
    code = decoded.get("error") if isinstance(decoded, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def retry_after(
    value: str | None, now: float, seconds_max: float = RETRY_AFTER_SECONDS_MAX
) -> float | None:
    """Read a Retry-After header as seconds from ``now`` (RFC 9110, 10.2.3).

    At most ``seconds_max``, however much is asked for; None if unreadable.
    """
    if value is None:
        return None
    digits = value.strip()
    try:
        if digits.isascii() and digits.isdigit():
            seconds = float(digits)
        else:
            seconds = parsedate_to_datetime(value).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), seconds_max)
