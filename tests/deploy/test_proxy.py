"""deploy/proxy/Caddyfile, read by a real Caddy in front of a small server."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from tests.test_layout import ROOT

PAUSE_SECONDS = 1.0


class Upstream(BaseHTTPRequestHandler):
    """Answers with the caller that it was told of, or with two events and a pause between them."""

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path == "/v1/events":
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for event in (b"data: first\n\n", b"data: second\n\n"):
                self.wfile.write(event)
                self.wfile.flush()
                time.sleep(PAUSE_SECONDS)
            return
        body = self.headers.get("X-Forwarded-For", "").encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a proxy with the configuration of deploy/."""
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("caddy is not installed")
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    port = free_port()
    text = (ROOT / "deploy" / "proxy" / "Caddyfile").read_text("utf-8")
    assert "dynamic a api 8080" in text
    folder: Path = tmp_path_factory.mktemp("proxy")
    file = folder / "Caddyfile"
    file.write_text(text.replace("a api 8080", f"a localhost {upstream.server_port}"), "utf-8")
    environment = {
        "GODWIT_SITE_ADDRESS": f":{port}",
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    process = subprocess.Popen(
        [caddy, "run", "--config", file, "--adapter", "caddyfile"],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{base}/v1/credits", trust_env=False, timeout=30)
                break
            except httpx.TransportError:
                assert process.poll() is None, "caddy ended"
                time.sleep(0.1)
        yield base
    finally:
        process.terminate()
        process.wait(timeout=30)
        upstream.shutdown()
        upstream.server_close()


def test_the_proxy_says_who_calls_and_drops_what_the_caller_claims(proxied: str) -> None:
    claimed = {"X-Forwarded-For": "203.0.113.9"}
    answer = httpx.get(f"{proxied}/v1/credits", headers=claimed, trust_env=False, timeout=30)
    assert answer.text == "127.0.0.1"


@pytest.mark.parametrize(
    "path", ["/metrics", "/readyz", "/healthz", "/carriers/pretend/receipts", "/METRICS"]
)
def test_the_proxy_keeps_what_operators_read_to_itself(proxied: str, path: str) -> None:
    assert httpx.get(f"{proxied}{path}", trust_env=False, timeout=30).status_code == 404


def test_events_pass_the_proxy_as_they_come(proxied: str) -> None:
    with httpx.stream("GET", f"{proxied}/v1/events", trust_env=False, timeout=30) as answer:
        chunks = answer.iter_bytes()
        first = next(chunks)
        arrived_at = time.monotonic()
        rest = b"".join(chunks)
        assert first == b"data: first\n\n"
        assert rest == b"data: second\n\n"
        assert time.monotonic() - arrived_at >= PAUSE_SECONDS / 2
