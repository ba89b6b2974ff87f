"""The limit: bytes prepared beforehand, answers only counted. No client can be quicker here."""

import asyncio
import json
from collections.abc import Iterator
from typing import cast
from urllib.parse import urlsplit

from bench.contenders.job import Clock, Job
from bench.work import WARM_UP, handoff, request_body

_TAKEN = b"HTTP/1.1 201"


class _Line(asyncio.Protocol):
    """One connection that sends the next request when the last is answered."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self.requests = requests
        self.done = done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        # The static carrier writes an answer in one piece, and loopback does not cut it.
        if not data.startswith(_TAKEN):
            self.done.set_exception(RuntimeError("the carrier did not take a message"))
            self.transport.abort()
            return
        self._next()

    def _next(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self.transport.close()
            self.done.set_result(None)
        else:
            self.transport.write(request)


async def contend(job: Job) -> dict[str, float]:
    """See :mod:`bench.contenders`."""
    address = urlsplit(job.url)
    assert address.hostname is not None and address.port is not None
    await _send_all(address.hostname, address.port, _requests(WARM_UP), job.at_once)
    requests = _requests(job.count)
    clock = Clock(job)
    await _send_all(address.hostname, address.port, requests, job.at_once)
    return clock.stop()


async def _send_all(host: str, port: int, requests: list[bytes], at_once: int) -> None:
    loop = asyncio.get_running_loop()
    left = iter(requests)
    ends = []
    for _ in range(at_once):
        done = loop.create_future()
        ends.append(done)
        await loop.create_connection(lambda done=done: _Line(left, done), host, port)  # type: ignore[misc]
    await asyncio.gather(*ends)


def _requests(count: int) -> list[bytes]:
    return [_request(index) for index in range(count)]


def _request(index: int) -> bytes:
    body = json.dumps(request_body(handoff(index)), separators=(",", ":")).encode()
    head = b"POST /messages HTTP/1.1\r\nhost: static\r\ncontent-type: application/json\r\n"
    return head + b"content-length: %d\r\n\r\n" % len(body) + body
