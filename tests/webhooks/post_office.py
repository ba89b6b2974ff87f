"""An SMTP server on loopback that keeps what it gets, or says no at a chosen command (RFC 5321)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

WAIT_SECONDS = 20.0


@dataclass
class PostOffice:
    """What came: envelopes and messages; ``answers`` are given to a command instead of 250."""

    port: int = 0
    answers: dict[str, bytes] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address as a setting has it."""
        return f"smtp://127.0.0.1:{self.port}"

    async def come(self, count: int) -> list[EmailMessage]:
        """Wait for so many messages."""
        async with asyncio.timeout(WAIT_SECONDS):
            while len(self.mails) < count:
                await asyncio.sleep(0.01)
        return self.mails

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        writer.write(self.answers.get("HELLO", b"220 godwit.example\r\n"))
        while line := await reader.readline():
            said = line.decode().strip()
            self.commands.append(said)
            verb = said.partition(" ")[0].upper()
            if verb in self.answers:
                writer.write(self.answers[verb])
            elif verb == "EHLO":
                writer.write(b"250-godwit.example\r\n250 AUTH PLAIN\r\n")
            elif verb == "AUTH":
                writer.write(b"235 come in\r\n")
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                raw = await reader.readuntil(b"\r\n.\r\n")
                plain = raw[:-5].replace(b"\r\n..", b"\r\n.")
                self.mails.append(message_from_bytes(plain, policy=policy.default))
                writer.write(b"250 kept\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                await writer.drain()
                break
            else:
                writer.write(b"250 fine\r\n")
            await writer.drain()


@asynccontextmanager
async def post_office(tls: ssl.SSLContext | None = None) -> AsyncIterator[PostOffice]:
    """Serve on a free port; at the end every connection is cut."""
    office = PostOffice()
    under_way: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                await office.meet(reader, writer)
        finally:
            writer.transport.abort()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    office.port = server.sockets[0].getsockname()[1]
    try:
        yield office
    finally:
        server.close()
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
