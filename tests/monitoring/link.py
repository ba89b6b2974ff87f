"""A TCP link that may be slow: ``python -m tests.monitoring.link PORT TO [SECONDS]``."""

import asyncio
import sys
from contextlib import suppress

HOST = "127.0.0.1"


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
) -> None:
    with suppress(OSError):
        while block := await reader.read(1 << 16):
            await asyncio.sleep(seconds)
            writer.write(block)
            await writer.drain()
    writer.close()


async def main(port: int, to: int, seconds: float) -> None:
    """Carry every connection; what goes forward takes so many seconds longer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, answer = await asyncio.open_connection(HOST, to)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_carry(reader, answer, seconds), _carry(there, writer, 0))

    server = await asyncio.start_server(serve, HOST, port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    port, to, *seconds = sys.argv[1:]
    asyncio.run(main(int(port), int(to), float(seconds[0]) if seconds else 0.0))
