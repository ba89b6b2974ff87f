"""A server that cuts one exchange at a given byte, and counts the requests that it read whole."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

GARBAGE = b"\x00\xff{}\r\n\r\n\x80HTTP/9 \r\n"
WELL = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
# Ports of a busy machine are reused: a request to another path was meant for another server.
PATH = "/cut-exchange"
READ_BYTES = 65_536


class Side(StrEnum):
    """The direction in which bytes are counted until the cut."""

    REQUEST = "request"
    ANSWER = "answer"


class Cut(StrEnum):
    """What the server does at the byte of the cut."""

    FIN = "FIN"  # sends no more, and reads what still comes
    RST = "RST"  # drops what it has not read
    HANG = "silence"  # does nothing until the client leaves, then reads what had come
    GARBAGE = "garbage"  # sends what is not HTTP, then as FIN


@dataclass(frozen=True, slots=True)
class Exchange:
    """Where one exchange is cut: after ``at`` bytes of ``side``.

    With ``reuses`` it goes over a connection that has carried another one. ``answer`` is what the
    carrier has to say to a request that it read whole.
    """

    method: str
    reuses: bool
    side: Side
    cut: Cut
    at: int
    answer: bytes


class CuttingServer:
    """Cuts one exchange, and answers every other request in full.

    ``taken`` counts the whole requests that were read after the first exchange of a connection
    that is used again: each could be a message. ``received`` are the bytes of the last request.
    """

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.taken = 0
        self.received = b""
        self._used = not exchange.reuses
        self._done = False
        self._left = asyncio.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._tasks: set[asyncio.Task[None]] = set()
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def client_left(self) -> None:
        """Let a server that hangs go on: the client has its result."""
        self._left.set()

    def accept(self) -> None:
        """Serve the next connection."""
        # Not with sock_accept: cancelled in the wrong moment, it loses a connection.
        with suppress(BlockingIOError):
            connection, _ = self._listener.accept()
            connection.setblocking(False)
            task = asyncio.create_task(self._serve(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Serve every connection."""
        loop = asyncio.get_running_loop()
        with self._listener:
            loop.add_reader(self._listener, self.accept)
            try:
                yield
            finally:
                loop.remove_reader(self._listener)

    async def finish(self) -> None:
        """Wait until every connection has ended, so that ``taken`` counts whatever was sent."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _serve(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                if not self._used:
                    await _read_whole(connection)
                    await loop.sock_sendall(connection, WELL)
                    self._used = True
                if self._done:
                    while True:
                        self.received = await _read_whole(connection)
                        self.taken += f" {PATH} ".encode() in self.received
                        await loop.sock_sendall(connection, self.exchange.answer)
                self._done = True
                await self._cut(connection)
        finally:
            connection.close()

    async def _cut(self, connection: socket.socket) -> None:
        loop, exchange = asyncio.get_running_loop(), self.exchange
        first, whole = b"", False
        if exchange.side is Side.REQUEST:
            while len(first) < exchange.at:
                more = await loop.sock_recv(connection, exchange.at - len(first))
                if not more:
                    return
                first += more
            whole = _is_whole(first)
        else:
            first, whole = await _read_whole(connection), True
        self.received = first
        self.taken += whole
        if exchange.side is Side.ANSWER:
            await loop.sock_sendall(connection, exchange.answer[: exchange.at])
        match exchange.cut:
            case Cut.RST:
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return
            case Cut.HANG:
                await self._left.wait()
            case Cut.GARBAGE:
                await loop.sock_sendall(connection, GARBAGE)
        if exchange.cut is not Cut.HANG:
            connection.shutdown(socket.SHUT_WR)
        if not whole:
            self.received = await _read_whole(connection, first)
            self.taken += 1


def _is_whole(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return False
    lines = head.lower().split(b"\r\n")
    if any(line.startswith(b"transfer-encoding:") for line in lines):
        return body.endswith(b"0\r\n\r\n")
    lengths = [int(line[15:]) for line in lines if line.startswith(b"content-length:")]
    return len(body) >= sum(lengths)


async def _read_whole(connection: socket.socket, received: bytes = b"") -> bytes:
    loop = asyncio.get_running_loop()
    while not _is_whole(received):
        more = await loop.sock_recv(connection, READ_BYTES)
        if not more:
            raise asyncio.IncompleteReadError(received, None)
        received += more
    return received


@asynccontextmanager
async def cutting(exchange: Exchange) -> AsyncIterator[CuttingServer]:
    """Serve on a free port; connections that are open at the end are left to ``finish``."""
    server = CuttingServer(exchange)
    with server.listening():
        yield server
