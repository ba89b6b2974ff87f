"""A small TCP proxy in front of several replicas, each of which may be dead for a while."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

CONNECT_SECONDS = 2.0
_BLOCK = 1 << 16


class Proxy:
    """Leads each connection to the next replica that accepts it, in turn."""

    def __init__(self, upstreams: Sequence[tuple[str, int]]) -> None:
        self._upstreams = list(upstreams)
        self._next = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def listen(self, host: str, port: int) -> None:
        """Accept connections from now on; raises OSError if the port is in use."""
        self._server = await asyncio.start_server(self._serve, host, port)

    async def close(self) -> None:
        """Stop, and end all connections."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        # What they lead to ends with them.
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            found = await self._connect()
            if found is None:
                return
            there, answer = found
            self._open.add(answer)
            try:
                await asyncio.gather(_pass(reader, answer), _pass(there, writer))
            finally:
                answer.close()
                self._open.discard(answer)
        finally:
            writer.close()
            self._open.discard(writer)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in self._upstreams:
            host, port = self._upstreams[self._next % len(self._upstreams)]
            self._next += 1
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection(host, port)
        return None


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on bytes until either side ends, then say so to the other."""
    with suppress(OSError):
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()
    with suppress(OSError, RuntimeError):
        if writer.can_write_eof():
            writer.write_eof()
