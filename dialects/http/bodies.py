"""Reading untrusted request bodies: limited in size, strict JSON or form, UTF-8."""

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.requests import ClientDisconnect

from campaign.failures import ServiceUnavailable
from dialects.http.json_limits import fault_of_values, without_long_strings

T = TypeVar("T")

# Where the scope of a request says that its body has arrived as a whole.
ARRIVED = "godwit.arrived"
DEPTH_MAX = 32
FORM_FIELDS_MAX = 100
# All bodies that one process is receiving or parsing.
BUFFERED_BYTES_MAX = 256 * 1024 * 1024
# The bodies of most requests; they are parsed at once, in less than a millisecond.
SMALL_BYTES_MAX = 32 * 1024
# A body must arrive within so many seconds, and one more for each 64 KiB of it.
RECEIVE_SECONDS = 10.0
RECEIVE_BYTES_PER_SECOND = 64 * 1024
# Two, because the parser uses one processor; further bodies wait as bytes.
_PARSERS = ThreadPoolExecutor(2, "bodies")


class BadBody(Exception):
    """The body cannot be read; ``status`` is the HTTP status that says so."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


async def read_bytes(request: Request, bytes_max: int) -> bytes:
    """Read a whole body of at most ``bytes_max`` bytes, chunked or not.

    Raises BadBody: 413 as soon as the limit is passed, 408 if the body arrives too slowly, 415 for
    a compressed body, which is never unpacked. Raises ServiceUnavailable if the bodies of all
    requests together are too large.
    """
    with _buffer.share() as share:
        return await _receive(request, bytes_max, share)


async def read_body(request: Request, bytes_max: int, read: Callable[[bytes], T]) -> T:
    """Read a whole body and return ``read`` of it; raises as ``read_bytes`` and ``read`` do.

    A large body is read in a thread, at most two at a time, so that other requests are answered
    meanwhile.
    """
    with _buffer.share() as share:
        raw = await _receive(request, bytes_max, share)
        if len(raw) <= SMALL_BYTES_MAX:
            return read(raw)
        return await asyncio.get_running_loop().run_in_executor(_PARSERS, read, raw)


async def read_json(request: Request, bytes_max: int) -> Any:
    """Read a JSON body sent as ``application/json``; raises BadBody for anything else."""
    return await read_json_as(request, bytes_max, lambda body: body)


async def read_json_as(request: Request, bytes_max: int, read: Callable[[Any], T]) -> T:
    """Read a JSON body and return ``read`` of what it holds; in a thread if it is large.

    Raises as ``read_json`` and ``read`` do.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise BadBody("send the body as application/json", 415)
    return await read_body(request, bytes_max, lambda raw: read(parse_json(raw)))


@dataclass(slots=True)
class _Share:
    """The bytes that one request has in the buffer."""

    used: int = 0


class _Buffer:
    """Counts the bytes of all bodies that are received or parsed; used on the event loop only."""

    def __init__(self) -> None:
        self._used = 0

    @contextmanager
    def share(self) -> Iterator[_Share]:
        """A share for one request, given back at the end."""
        share = _Share()
        try:
            yield share
        finally:
            self._used -= share.used

    def grow(self, share: _Share, count: int) -> None:
        """Add bytes to a share; raises ServiceUnavailable if the buffer is full."""
        if self._used + count > BUFFERED_BYTES_MAX:
            raise ServiceUnavailable("too many large requests at once")
        self._used += count
        share.used += count


_buffer = _Buffer()


async def _receive(request: Request, bytes_max: int, share: _Share) -> bytes:
    for name, value in request.scope["headers"]:
        if name == b"content-encoding" and value.lower() != b"identity":
            raise BadBody("send the body without a content encoding", 415)
        if name == b"content-length" and value.isdigit() and int(value) > bytes_max:
            raise BadBody(f"the body is larger than {bytes_max} bytes", 413)
    body, more = bytearray(), True
    limit = asyncio.get_running_loop().time() + RECEIVE_SECONDS
    try:
        # A timer costs more than reading what is there.
        async with (
            nullcontext() if ARRIVED in request.scope else asyncio.timeout_at(limit) as deadline
        ):
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunk, more = message.get("body", b""), message.get("more_body", False)
                if len(body) + len(chunk) > bytes_max:
                    raise BadBody(f"the body is larger than {bytes_max} bytes", 413)
                _buffer.grow(share, len(chunk))
                body += chunk
                if more and deadline is not None:
                    deadline.reschedule(limit + len(body) / RECEIVE_BYTES_PER_SECOND)
    except TimeoutError:
        raise BadBody("the body did not arrive in time", 408) from None
    return bytes(body)


def parse_json(raw: bytes) -> Any:
    """Parse JSON by RFC 8259, without what two parsers could read differently.

    A byte order mark is skipped. Raises BadBody for other encodings, NaN and infinities, duplicate
    members, NUL characters and lone surrogates, nesting deeper than ``DEPTH_MAX``, and too many
    values. Cuts strings that are too long for every request (``dialects/http/json_limits.py``).
    """
    try:
        raw = without_long_strings(raw)
        if fault := fault_of_values(raw):
            raise BadBody(fault, 413)
        value = json.loads(
            raw.decode("utf-8-sig"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise BadBody("the body is not UTF-8") from None
    except RecursionError:
        raise BadBody("the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise BadBody(f"the body is not JSON: line {error.lineno}, column {error.colno}") from None
    except ValueError:
        # Python itself refuses integers of more than 4,300 digits.
        raise BadBody("the body has a number with too many digits") from None
    # Only an escape can make a NUL or a surrogate, and only brackets make depth.
    if b"\\u" in raw or raw.count(b"[") + raw.count(b"{") > DEPTH_MAX:
        _inspect(value, strings=b"\\u" in raw)
    return value


def parse_form(raw: bytes) -> dict[str, str]:
    """Parse ``application/x-www-form-urlencoded`` (WHATWG URL, section 5.1): UTF-8, ``+`` a space.

    A percent sign that starts no escape stays as it is. Raises BadBody for other encodings, NUL
    characters, a repeated field, and more than ``FORM_FIELDS_MAX`` fields.
    """
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=FORM_FIELDS_MAX,
        )
    except UnicodeDecodeError:
        raise BadBody("the body is not UTF-8") from None
    except ValueError:
        raise BadBody(f"the body has more than {FORM_FIELDS_MAX} fields") from None
    if any("\x00" in text for pair in pairs for text in pair):
        raise BadBody("the body has a NUL character")
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadBody("the body has the same field twice")
    return fields


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadBody("the body has an object with the same member twice")
    return members


def _no_constant(name: str) -> Any:
    raise BadBody(f"the body has {name}, which is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise BadBody("the body has a number that is too large")
    return number


def _inspect(value: Any, strings: bool) -> None:
    level = [value]
    for _ in range(DEPTH_MAX + 1):
        if strings:
            for item in level:
                if isinstance(item, str):
                    _plain(item)
                elif isinstance(item, dict):
                    for name in item:
                        _plain(name)
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            return
        level = [
            inner
            for item in containers
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    raise BadBody("the body is nested too deeply")


def _plain(text: str) -> None:
    if "\x00" in text:
        raise BadBody("the body has a NUL character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadBody("the body has half a surrogate pair")
