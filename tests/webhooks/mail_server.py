"""A real SMTP server on loopback, somebody else's work, that keeps what it is given."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

WAIT_SECONDS = 30.0


@dataclass
class MailServer:
    """Where it is, and the envelopes that came."""

    port: int = 0
    envelopes: list[Envelope] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address as a setting has it."""
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep a message; aiosmtpd calls this."""
        self.envelopes.append(envelope)
        return "250 kept"

    async def come(self, count: int) -> list[EmailMessage]:
        """Wait for so many messages."""
        async with asyncio.timeout(WAIT_SECONDS):
            while len(self.envelopes) < count:
                await asyncio.sleep(0.01)
        contents = [one.content or b"" for one in self.envelopes]
        return [
            message_from_bytes(raw, policy=policy.default)
            for raw in contents
            if isinstance(raw, bytes)
        ]


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """Serve on a free port."""
    office = MailServer()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(office, hostname="mail.customer.example", loop=loop), "127.0.0.1", 0
    )
    office.port = server.sockets[0].getsockname()[1]
    try:
        yield office
    finally:
        server.close()
        await server.wait_closed()
