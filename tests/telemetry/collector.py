"""A collector of traces on loopback: it speaks OTLP over HTTP and keeps what came."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

WAIT_SECONDS = 20


@dataclass(frozen=True)
class Exported:
    """One span as it came."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    links: Sequence[str]
    attributes: dict[str, Any]
    failed: bool


@dataclass
class Collector:
    """A running collector; ``answer`` writes the answer to each export."""

    url: str
    answer: Callable[[BaseHTTPRequestHandler], None]
    bodies: list[bytes] = field(default_factory=list)
    calls: int = 0

    @property
    def text(self) -> str:
        """Every byte that came, as a text to search in."""
        return b"".join(self.bodies).decode("latin-1")

    @property
    def spans(self) -> list[Exported]:
        """Every span that came."""
        return [span for body in self.bodies for span in _spans(body)]

    async def until(self, done: Callable[[list[Exported]], bool]) -> list[Exported]:
        """Wait for spans; fails when they do not come."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not done(spans := self.spans):
            assert time.monotonic() < deadline, sorted(span.name for span in spans)
            await asyncio.sleep(0.05)
        return spans


def taken(handler: BaseHTTPRequestHandler) -> None:
    """Answer that all was taken."""
    handler.send_response(200)
    handler.send_header("content-length", "0")
    handler.end_headers()


@contextmanager
def collecting(answer: Callable[[BaseHTTPRequestHandler], None] = taken) -> Iterator[Collector]:
    """Serve a collector for the length of a block."""
    collector: Collector

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            collector.calls += 1
            collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            collector.answer(self)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    collector = Collector(f"http://127.0.0.1:{server.server_port}", answer)
    serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    serving.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


def _spans(body: bytes) -> Iterator[Exported]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Exported(
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    links=[link.trace_id.hex() for link in span.links],
                    attributes={each.key: _value(each.value) for each in span.attributes},
                    failed=span.status.code == 2,
                )


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))
