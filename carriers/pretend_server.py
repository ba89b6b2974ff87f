"""The server of the pretend carrier: HTTP in front of its exchange and its receipts.

Run it as ``python -m carriers.pretend_server``. With ``--log`` each acceptance is in the file
before its answer is sent, so that crash tests can rely on the log. The last digits of a number that
is reserved for fiction select the behaviour (docs/adding.md); every other number is ordinary.
"""

import argparse
import asyncio
import json
import re
import signal
import sys
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import httptools
import uvloop

from campaign.fictional_numbers import behaviour_of
from campaign.handoffs import Repeats
from carriers.pretend import PretendSettings
from carriers.pretend_exchange import Exchange, Receipts
from telemetry.logs import configure

SILENCE_SECONDS = 120.0
SLOW_SECONDS = 3.0
BODY_BYTES_MAX = 1024 * 1024
_NUMBER = re.compile(r"[0-9]{1,18}")


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection, whose requests are answered in order.

    The queue holds method, URL, body, and whether the connection stays open. With an empty method
    the second value is the status that refuses malformed input.
    """

    def __init__(self, exchange: Exchange, receipts: Receipts) -> None:
        self.exchange = exchange
        self.receipts = receipts
        self.parser = httptools.HttpRequestParser(self)
        self.transport: asyncio.Transport | None = None
        self.queue: asyncio.Queue[tuple[str, str, bytes, bool]] = asyncio.Queue()
        self.url, self.body = b"", b""
        self.keep_alive = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start answering."""
        # A cast, because transports of uvloop are no instances of asyncio.Transport.
        self.transport = cast(asyncio.Transport, transport)
        self.task = asyncio.get_running_loop().create_task(self._answer_all())

    def connection_lost(self, error: Exception | None) -> None:
        """Stop answering."""
        self.transport = None
        self.task.cancel()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; malformed input is refused after all earlier requests are answered."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # The request is answered without an upgrade, then the connection is closed.
        except httptools.HttpParserError:
            self.queue.put_nowait(("", "400", b"", False))

    def on_message_begin(self) -> None:
        """Parser callback."""
        self.url, self.body = b"", b""

    def on_url(self, url: bytes) -> None:
        """Parser callback."""
        self.url += url

    def on_body(self, body: bytes) -> None:
        """Parser callback."""
        self.body += body
        if len(self.body) > BODY_BYTES_MAX:
            self.body = b""
            self.queue.put_nowait(("", "413", b"", False))

    def on_message_complete(self) -> None:
        """Parser callback: the request is complete."""
        method, url = self.parser.get_method().decode(), self.url.decode("latin-1")
        keep_alive = self.parser.should_keep_alive() and not self.parser.should_upgrade()
        self.queue.put_nowait((method, url, self.body, keep_alive))

    async def _answer_all(self) -> None:
        while self.keep_alive:
            method, url, body, self.keep_alive = await self.queue.get()
            try:
                path, query = urlsplit(url).path, parse_qs(urlsplit(url).query)
            except ValueError:
                method, url = "", "400"
            if not method:
                self._write(int(url), {"error": "malformed"})
            elif (method, path) == ("POST", "/messages"):
                await self._take(body)
            elif (method, path) == ("GET", "/messages"):
                self._look_up(query.get("reference", [""])[0])
            elif (method, path) == ("GET", "/log"):
                self._show_log(query.get("after", ["0"])[0])
            elif (method, path) == ("POST", "/inbound"):
                message = _read(body, ("from", "to", "body"))
                brought = message is not None and self.receipts.bring(message)
                self._write(202 if brought else 400, {})
            elif (method, path) == ("GET", "/healthz"):
                self._write(200, {"status": "ok"})
            else:
                self._write(404, {"error": "not_found"})

    def _show_log(self, after: str) -> None:
        if _NUMBER.fullmatch(after):
            self._write(200, self.exchange.log[int(after) :])
        else:
            self._write(400, {"error": "malformed"})

    def _look_up(self, reference: str) -> None:
        if self.exchange.repeats is Repeats.NONE:
            self._write(404, {"error": "not_supported"})
            return
        ids = self.exchange.by_reference.get(reference, [])
        self._write(200, [{"id": carrier_id, "status": "accepted"} for carrier_id in ids])

    def _dedups(self, reference: str) -> bool:
        known = reference in self.exchange.by_reference
        return known and self.exchange.repeats is Repeats.DEDUP

    async def _take(self, body: bytes) -> None:
        """Take or refuse one message, as the last digits of its number select."""
        message = _read(body, ("reference", "from", "to"))
        if message is None:
            self._write(400, {"error": "malformed"})
            return
        reference, magic = message["reference"], behaviour_of(message["to"])
        if magic == "0006" and not self._dedups(reference):
            await asyncio.sleep(SLOW_SECONDS)
        known = self.exchange.by_reference.get(reference)
        if known and self._dedups(reference):
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
        if not self.keep_alive:
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
    configure()
    uvloop.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
