"""Host names and the addresses they resolve to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from webhooks.addresses import Address

# Returns all addresses of a name, the preferred first; raises OSError if it has none.
Resolver = Callable[[str], Awaitable[Sequence[Address]]]
THREADS = 16


class SystemResolver:
    """The resolver of the operating system, in threads of its own.

    A name server that never answers must not occupy the threads that the rest of the process
    uses. ``absolute`` keeps the system's search list from completing a name.
    """

    def __init__(self, absolute: bool = True) -> None:
        self._suffix = "." if absolute else ""
        self._threads = ThreadPoolExecutor(THREADS, "godwit-resolver")

    async def __call__(self, host: str) -> Sequence[Address]:
        """Return all addresses of a name, the preferred first; raises OSError."""
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._look_up, host + self._suffix
        )
        return [ip_address(address) for address in dict.fromkeys(found)]

    @staticmethod
    def _look_up(host: str) -> list[str]:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return [str(address[0]) for _, _, _, _, address in found]

    def close(self) -> None:
        """Start no more look-ups; those in progress end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)
