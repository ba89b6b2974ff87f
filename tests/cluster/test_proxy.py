"""The proxy in front of several replicas."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from starter.embedded.options import LOOPBACK, free_port
from tests.cluster.proxy import Proxy


@asynccontextmanager
async def replica(name: bytes, port: int) -> AsyncIterator[None]:
    """A server that says its name before what it was sent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(name + b" " + await reader.read())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, port)
    try:
        yield
    finally:
        server.close()


async def ask(port: int) -> bytes:
    """What is answered through the proxy."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(b"hello")
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def test_connections_go_to_each_in_turn_and_past_one_that_is_dead() -> None:
    first, second, port = free_port(), free_port(), free_port()
    proxy = Proxy([(LOOPBACK, first), (LOOPBACK, second)])
    await proxy.listen(LOOPBACK, port)
    try:
        async with AsyncExitStack() as ending:
            await ending.enter_async_context(replica(b"second", second))
            async with replica(b"first", first):
                answers = [await ask(port) for _ in range(4)]
                assert answers == [b"first hello", b"second hello"] * 2
            assert [await ask(port) for _ in range(2)] == [b"second hello"] * 2
        assert await ask(port) == b""
    finally:
        await proxy.close()
