"""The server side of the pretend carrier: takes messages, keeps a log, sends receipts.

Run as ``python -m carriers.pretend_server``. Its log is the judge of every crash test, so with
``--log`` each acceptance is in the file before its answer leaves. The last four digits of the
number choose what happens (docs/adding.md).
"""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import aiohttp
import httptools
import uvloop

from campaign.instants import iso
from campaign.ports import Repeats
from carriers.pretend import PretendSettings

SILENCE_SECONDS = 120.0
SLOW_SECONDS = 3.0
RECEIPT_CONNECTIONS = 8
RECEIPT_TRIES = 8
BODY_BYTES_MAX = 1024 * 1024


class Exchange:
    """What the carrier remembers: accepted sends in order, and which references it has seen."""

    def __init__(self, repeats: Repeats, log: Path | None) -> None:
        self.repeats = repeats
        self.log: list[dict[str, Any]] = []
        self.by_reference: dict[str, list[str]] = defaultdict(list)
        self.put_off: set[str] = set()
        self._file = None
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            self._reload(log)
            self._file = log.open("a", encoding="utf-8")

    def accept(self, message: dict[str, Any]) -> str:
        """Take a message and say its id; the row is on its way to disk when this returns."""
        number = len(self.log) + 1
        row = {
            "n": number,
            "reference": message["reference"],
            "from": message["from"],
            "to": message["to"],
            "at": iso(time.time_ns() // 1_000_000),
        }
        self.log.append(row)
        self.by_reference[message["reference"]].append(f"pretend-{number}")
        if self._file is not None:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()
        return f"pretend-{number}"

    def _reload(self, log: Path) -> None:
        if not log.exists():
            return
        whole = log.read_text("utf-8")
        kept = whole[: whole.rfind("\n") + 1]
        if kept != whole:
            log.write_text(kept, "utf-8")  # A line cut short was never answered.
        for line in kept.splitlines():
            row = json.loads(line)
            self.log.append(row)
            self.by_reference[row["reference"]].append(f"pretend-{row['n']}")


class Receipts:
    """Posts news to us in the background, patiently, over a few connections."""

    def __init__(self, url: str | None, delay_seconds: float) -> None:
        self.url = url
        self._delay_seconds = delay_seconds
        self._queue: asyncio.Queue[tuple[float, str, dict[str, Any]]] = asyncio.Queue()

    def report(self, carrier_id: str, reference: str, delivered: bool) -> None:
        """Queue the receipt of an accepted message."""
        status = "delivered" if delivered else "undelivered"
        if self.url is not None:
            body = {"id": carrier_id, "reference": reference, "status": status}
            due = time.monotonic() + self._delay_seconds
            self._queue.put_nowait((due, self.url, body))

    def bring(self, body: dict[str, Any]) -> bool:
        """Queue a text that somebody sent to us; False when nobody wants receipts."""
        if self.url is None:
            return False
        self._queue.put_nowait((0.0, self.url.rpartition("/")[0] + "/inbound", body))
        return True

    async def run(self) -> None:
        """Post until cancelled."""
        connector = aiohttp.TCPConnector(limit=RECEIPT_CONNECTIONS)
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            async with asyncio.TaskGroup() as posters:
                for _ in range(RECEIPT_CONNECTIONS):
                    posters.create_task(self._post_all(session))

    async def _post_all(self, session: aiohttp.ClientSession) -> None:
        while True:
            due, url, body = await self._queue.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            body["at"] = iso(time.time_ns() // 1_000_000)
            for tries in range(RECEIPT_TRIES):
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.post(url, json=body) as response:
                        if response.status < 500:
                            break
                await asyncio.sleep(0.2 * 2**tries)


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection; requests on it are answered in order."""

    def __init__(self, exchange: Exchange, receipts: Receipts) -> None:
        self.exchange = exchange
        self.receipts = receipts
        self.parser = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport | None = None
        self.queue: asyncio.Queue[tuple[str, str, bytes]] = asyncio.Queue()
        self.url, self.body = b"", b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start answering."""
        # Not isinstance: uvloop's transports are asyncio's by behaviour only.
        self.transport = cast(asyncio.Transport, transport)
        self.task = asyncio.get_running_loop().create_task(self._answer_all())

    def connection_lost(self, error: Exception | None) -> None:
        """Stop answering."""
        self.transport = None
        self.task.cancel()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what is no HTTP is hung up on."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            if self.transport is not None:
                self.transport.abort()

    def on_message_begin(self) -> None:
        """Parser callback."""
        self.url, self.body = b"", b""

    def on_url(self, url: bytes) -> None:
        """Parser callback."""
        self.url += url

    def on_body(self, body: bytes) -> None:
        """Parser callback."""
        self.body += body
        if len(self.body) > BODY_BYTES_MAX and self.transport is not None:
            self.transport.abort()

    def on_message_complete(self) -> None:
        """Parser callback: a whole request is here."""
        method = self.parser.get_method().decode()
        self.queue.put_nowait((method, self.url.decode("latin-1"), self.body))

    async def _answer_all(self) -> None:
        while True:
            method, url, body = await self.queue.get()
            path, query = urlsplit(url).path, parse_qs(urlsplit(url).query)
            if (method, path) == ("POST", "/messages"):
                await self._take(body)
            elif (method, path) == ("GET", "/messages"):
                self._look_up(query.get("reference", [""])[0])
            elif (method, path) == ("GET", "/log"):
                after = query.get("after", ["0"])[0]
                start = int(after) if after.isdigit() else 0
                self._write(200, self.exchange.log[start:])
            elif (method, path) == ("POST", "/inbound"):
                message = _read(body, ("from", "to", "body"))
                brought = message is not None and self.receipts.bring(message)
                self._write(202 if brought else 400, {})
            elif (method, path) == ("GET", "/healthz"):
                self._write(200, {"status": "ok"})
            else:
                self._write(404, {"error": "not_found"})

    def _look_up(self, reference: str) -> None:
        if self.exchange.repeats is Repeats.NONE:
            self._write(404, {"error": "not_supported"})
            return
        ids = self.exchange.by_reference.get(reference, [])
        self._write(200, [{"id": carrier_id, "status": "accepted"} for carrier_id in ids])

    async def _take(self, body: bytes) -> None:
        """Judge one message by its magic digits."""
        message = _read(body, ("reference", "from", "to"))
        if message is None:
            self._write(400, {"error": "malformed"})
            return
        reference, magic = message["reference"], message["to"][-4:]
        known = self.exchange.by_reference.get(reference)
        if known and self.exchange.repeats is Repeats.DEDUP:
            self._write(201, {"id": known[0], "status": "accepted"})
            return
        if magic == "0001":
            self._write(422, {"error": "invalid_number"})
            return
        if magic in ("0002", "0005") and reference not in self.exchange.put_off:
            self.exchange.put_off.add(reference)
            if magic == "0002":
                self._write(503, {"error": "unavailable"})
            else:
                self._write(429, {"error": "rate_limited"}, {"retry-after": "2"})
            return
        if magic == "0006":
            await asyncio.sleep(SLOW_SECONDS)
        carrier_id = self.exchange.accept(message)
        self.receipts.report(carrier_id, reference, delivered=magic != "0007")
        if magic == "0003" and not known:
            await asyncio.sleep(SILENCE_SECONDS)
        elif magic != "0004" or known:
            self._write(201, {"id": carrier_id, "status": "accepted"})
            return
        if self.transport is not None:
            self.transport.abort()

    def _write(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        if self.transport is None:
            return
        content = json.dumps(body, separators=(",", ":")).encode()
        lines = [f"HTTP/1.1 {status} -", "content-type: application/json"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        lines.append(f"content-length: {len(content)}")
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + content)
        if not self.parser.should_keep_alive():
            self.transport.close()


def _read(body: bytes, members: tuple[str, ...]) -> dict[str, Any] | None:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    return message if all(isinstance(message.get(name), str) for name in members) else None


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    repeats = Repeats(arguments.repeats) if arguments.repeats else PretendSettings().repeats
    exchange = Exchange(repeats, arguments.log)
    receipts = Receipts(arguments.receipts_url, arguments.receipt_delay)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(
        lambda: Connection(exchange, receipts), arguments.host, arguments.port
    )
    host, port = server.sockets[0].getsockname()[:2]
    sys.stdout.write(f"listening on http://{host}:{port}\n")
    sys.stdout.flush()
    posting = asyncio.create_task(receipts.run())
    await stop.wait()
    posting.cancel()
    server.close()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="carriers.pretend_server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9090, help="0 takes any free port")
    parser.add_argument("--receipts-url", help="where receipts go; none are sent without it")
    parser.add_argument("--log", type=Path, help="keep the acceptance log in this file")
    parser.add_argument("--receipt-delay", type=float, default=0.2, help="seconds")
    parser.add_argument("--repeats", choices=[repeats.value for repeats in Repeats])
    uvloop.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
