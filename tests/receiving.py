"""A customer's server: takes callbacks on loopback, keeps them, and answers as a test tells it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook

from tests.webhooks.peers import Peer, Play, serve


@dataclass(frozen=True)
class Taken:
    """One callback as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The name that stays the same in every try."""
        return self.headers["webhook-id"]

    @property
    def sent_at(self) -> int:
        """When it was sent, as it says itself, in seconds."""
        return int(self.headers["webhook-timestamp"])

    def verified(self, secret: str) -> Any:
        """The content, once the receivers' own library has verified it."""
        return Webhook(secret).verify(self.body, dict(self.headers))


@dataclass
class Receiver:
    """A running server and everything that came to it; ``answers`` are given in turn."""

    peer: Peer
    answers: list[bytes | Play]
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.peer.port}/hooks"

    @property
    def taken(self) -> Sequence[Taken]:
        """Every callback whose body was read, in order."""
        return [_taken(*pair) for pair in zip(self.peer.heads, self.peer.bodies, strict=False)]

    async def until(self, done: Callable[[Sequence[Taken]], bool]) -> Sequence[Taken]:
        """Wait for callbacks."""
        async with self.changed:
            await self.changed.wait_for(lambda: done(self.taken))
        return self.taken


@asynccontextmanager
async def receive(*answers: bytes | Play) -> AsyncIterator[Receiver]:
    """Serve; each call gets the next answer, and the last one is given ever after."""
    script = list(answers) or [answer(200)]
    receiver: Receiver

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with receiver.changed:
            receiver.changed.notify_all()
        chosen = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(chosen, bytes):
            writer.write(chosen)
            await writer.drain()
        else:
            await chosen(reader, writer)

    async with serve(play) as peer:
        receiver = Receiver(peer, script)
        yield receiver


def answer(status: int, **headers: str) -> bytes:
    """An answer without a body."""
    lines = [f"HTTP/1.1 {status} Said", "content-length: 0"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say nothing for longer than anybody waits."""
    await reader.read()
    await asyncio.sleep(3600)


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with a gigabyte, for as long as somebody reads."""
    size = 1 << 30
    writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n".encode())
    for _ in range(size >> 16):
        writer.write(bytes(1 << 16))
        await writer.drain()


def _taken(head: bytes, body: bytes) -> Taken:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Taken(method, target, headers, body)
