"""One HTTP/1.1 exchange on an open connection, with a server that nobody vouches for."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import h11

from webhooks.addresses import Target

HEAD_BYTES_MAX = 16 * 1024
READ_BYTES = 16 * 1024
METHODS = frozenset({"GET", "HEAD", "POST", "PUT"})
# These say who receives a message and where it ends; they are ours to write.
_OURS = frozenset(
    "accept-encoding connection content-length expect host keep-alive te trailer "
    "transfer-encoding upgrade".split()
)
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[!-~]?|[!-~][ -~\t]*[!-~]")


class Reason(StrEnum):
    """Why a call came to nothing. For our logs; never for whoever gave the URL."""

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


class Stopped(Exception):
    """A call is given up, for the reason it carries."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. Names of headers are in lower case; repeated ones joined by commas."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def request_head(
    method: str, target: Target, headers: Mapping[str, str], content: bytes
) -> h11.Request:
    """The head of a request; raises Stopped for one that could mean something else."""
    lines = {name.lower(): value for name, value in headers.items()}
    if (
        method not in METHODS
        or len(lines) != len(headers)
        or not lines.keys().isdisjoint(_OURS)
        or not all(map(_NAME.fullmatch, lines))
        or not all(map(_VALUE.fullmatch, lines.values()))
    ):
        raise Stopped(Reason.REQUEST)
    lines.setdefault("user-agent", "Godwit")
    if content or method in ("POST", "PUT"):
        lines["content-length"] = str(len(content))
    ours = {"host": target.authority, "accept-encoding": "identity", "connection": "close"}
    return h11.Request(
        method=method, target=target.path_and_query, headers=list({**ours, **lines}.items())
    )


async def exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    request: h11.Request,
    content: bytes,
    bytes_max: int,
) -> Answer:
    """Send a request and read the answer to its end, its body up to ``bytes_max``.

    Raises Stopped for an answer that is too large, compressed or cut off, h11.RemoteProtocolError
    for one that is not HTTP, and OSError. Bounds no time: the caller does.
    """
    wire = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)
    for event in (request, h11.Data(content), h11.EndOfMessage()):
        # Not drained: a server may answer, and close, before it has read everything.
        writer.write(wire.send(event) or b"")
    return await _read_answer(reader, wire, bytes_max)


async def _read_answer(
    reader: asyncio.StreamReader, wire: h11.Connection, bytes_max: int
) -> Answer:
    # Of all that comes, chunk sizes, trailers and interim answers (1xx) included.
    left = HEAD_BYTES_MAX + bytes_max + bytes_max // 8
    head: h11.Response | None = None
    body = bytearray()
    while True:
        event = wire.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(READ_BYTES)
            left -= len(data)
            if left < 0:
                raise Stopped(Reason.TOO_LARGE)
            wire.receive_data(data)
        elif isinstance(event, h11.Response):
            head = event
            if _headers(head).get("content-encoding", "identity").lower() != "identity":
                raise Stopped(Reason.ENCODED)
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > bytes_max:
                raise Stopped(Reason.TOO_LARGE)
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return Answer(head.status_code, _headers(head), bytes(body))
        elif not isinstance(event, h11.InformationalResponse):
            raise Stopped(Reason.PROTOCOL)


def _headers(head: h11.Response) -> Mapping[str, str]:
    lines: dict[str, str] = {}
    for name, value in head.headers:
        key, text = name.decode("ascii"), value.decode("latin-1")
        lines[key] = f"{lines[key]}, {text}" if key in lines else text
    return MappingProxyType(lines)
