"""Where the requests to a carrier go, and their bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Self

import httpx

PORTS = {"http": 80, "https": 443}
CONTROL = bytes(sorted({*range(0x20), 0x7F} - {0x09}))


@dataclass(frozen=True, slots=True)
class Server:
    """Where requests go; ``path`` precedes that of each request, ``name`` is its Host header."""

    tls: bool
    host: str
    port: int
    name: str
    path: str
    user: str
    password: str

    @classmethod
    def of(cls, base_url: str) -> Self | None:
        """Read a base URL, None if it is invalid."""
        try:
            url = httpx.URL(base_url.rstrip("/"))
            host = url.raw_host.decode()
            port = PORTS[url.scheme] if url.port is None else url.port
            if not host or not 0 < port < 65_536:
                return None
            if host.replace(".", "").isdigit():
                # ``127.1`` and ``2130706433`` are addresses to sockets, and names to people.
                IPv4Address(host)
        except (httpx.InvalidURL, KeyError, AddressValueError):
            return None
        path = url.raw_path.decode().rstrip("/")
        name = url.netloc.decode()
        return cls(url.scheme == "https", host, port, name, path, url.username, url.password)


def request_of(
    method: str, name: str, target: str, headers: Mapping[str, str], content: bytes
) -> bytes:
    """The bytes of a request; raises ValueError if its head would have a control character.

    ``name`` is the Host header. A GET without content has no length.
    """
    lines = [f"{method} {target} HTTP/1.1", f"host: {name}"]
    lines += [f"{header}: {value}" for header, value in headers.items()]
    if content or method != "GET":
        lines.append(f"content-length: {len(content)}")
    head = "\r\n".join([*lines, "", ""]).encode()
    if len(head) - len(head.translate(None, CONTROL)) != 2 * len(lines) + 2:
        raise ValueError("a control character in the head of a request")
    return head + content
