"""Servers on loopback that play the other side of outbound calls, and a client to call them."""

import asyncio
import datetime
import ipaddress
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from webhooks.addresses import Address
from webhooks.client import EgressClient, Unreachable
from webhooks.transport import Reason

Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HOOKS = "hooks.customer.example"
TEXT = "the address could not be reached"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass
class Peer:
    """A listening server: its port, and what came to it."""

    port: int = 0
    hits: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)


@asynccontextmanager
async def serve(
    play: Play | bytes = OK,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    reads_content: bool = True,
) -> AsyncIterator[Peer]:
    """Read each request and answer it with bytes or with a play; count every connection."""
    peer = Peer()
    under_way: set[asyncio.Task[None]] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer.hits += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n\r\n")
                peer.heads.append(head)
                if reads_content:
                    length = int(line(head, "content-length") or 0)
                    peer.bodies.append(await reader.readexactly(length))
                if isinstance(play, bytes):
                    writer.write(play)
                    await writer.drain()
                else:
                    await play(reader, writer)
        finally:
            writer.transport.abort()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(meet(reader, writer))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    if tls is not None:
        tls.sni_callback = lambda _, name, __: peer.server_names.append(name)
    server = await asyncio.start_server(connected, host, port, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


def line(head: bytes, name: str) -> str | None:
    """The value of a header of a request."""
    for text in head.decode("latin-1").split("\r\n")[1:]:
        key, _, value = text.partition(":")
        if key.lower() == name:
            return value.strip()
    return None


class Names:
    """A resolver that knows some names, each by the answers it gives one after the other."""

    def __init__(self, **answers: Sequence[str] | Exception) -> None:
        self.asked: list[str] = []
        self._answers = answers

    async def __call__(self, host: str) -> Sequence[Address]:
        """What the name leads to at this asking; the last answer is given ever after."""
        call = self.asked.count(host)
        self.asked.append(host)
        answers = self._answers.get(host.replace(".", "_").replace("-", "_"), ())
        if isinstance(answers, Exception):
            raise answers
        if not answers:
            raise OSError("no such name")
        answer = answers[min(call, len(answers) - 1)]
        return [ipaddress.ip_address(address) for address in answer.split()]


@asynccontextmanager
async def egress_client(
    resolver: Names | None = None, **options: Any
) -> AsyncIterator[EgressClient]:
    """A client that may call loopback, where HOOKS is, and does not wait for the floor."""
    options = {"allow_private": True, "floor_seconds": 0.0, **options}
    made = EgressClient(resolver=resolver or Names(hooks_customer_example=["127.0.0.1"]), **options)
    yield made
    await made.close()


async def reason_of(calling: EgressClient, url: str, method: str = "GET", **options: Any) -> Reason:
    """Why a call fails."""
    with pytest.raises(Unreachable) as caught:
        await calling.request(method, url, **options)
    assert str(caught.value) == TEXT
    return caught.value.reason


# What Python's sockets did while somebody watched; audit hooks cannot be taken away again.
_seen: list[tuple[str, Any]] | None = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is not None and event == "socket.connect":
        _seen.append((event, arguments[1]))
    elif _seen is not None and event == "socket.getaddrinfo":
        _seen.append((event, arguments[0]))


sys.addaudithook(_hook)


@contextmanager
def watched_sockets() -> Iterator[list[tuple[str, Any]]]:
    """Collect every connection that is tried and every name that the system is asked for."""
    global _seen
    seen: list[tuple[str, Any]] = []
    _seen = seen
    yield seen
    _seen = None


class Authority:
    """A certificate authority of one test."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
        self.certificate = self._sign(self._name, self._key, None, days=1)

    def trusting(self) -> ssl.SSLContext:
        """A client's context that trusts this authority alone."""
        pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)

    def serving(self, *names: str, days: int = 1) -> ssl.SSLContext:
        """A server's context with a certificate for these names; expired if ``days`` < 0."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = self._sign(subject, key, names, days)
        path = self._directory / f"{len(list(self._directory.iterdir()))}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        names: Sequence[str] | None,
        days: int,
    ) -> x509.Certificate:
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - datetime.timedelta(days=2))
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), True)
        )
        if names is not None:
            hosts = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(hosts, False)
        return builder.sign(self._key, hashes.SHA256())
