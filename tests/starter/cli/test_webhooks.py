"""``godwit listen`` and ``godwit webhook``, against an API that answers as the test says."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.carriers.servers import free_port
from tests.starter.cli.conftest import CommandLine

Json = dict[str, Any]
HOOK: Json = {
    "id": "whk_1",
    "url": "https://hooks.example/in",
    "events": ["campaign.*", "message.*"],
    "dialect": "native",
    "createdAt": "2026-12-01T10:00:00.000Z",
    "disabledAt": None,
}
BODY = '{"type":"message.sent","data":{"to":"+14155550101","position":4}}'
DELIVERY: Json = {
    "id": "cbk_1",
    "event": "message.sent",
    "tries": 1,
    "campaignId": "cmp_1",
    "headers": {"webhook-id": "cbk_1", "webhook-signature": "v1,x"},
    "body": BODY,
}


@dataclass
class Server:
    """A server on loopback: what it answers to a method and path, and what it was asked."""

    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    headers: list[Any] = field(default_factory=list)
    port: int = 0

    def bodies(self, name: str) -> list[Any]:
        """The bodies of the requests to a method and path."""
        return [body for asked, body in self.asked if asked == name]


@pytest.fixture
def server() -> Iterator[Server]:
    playing = Server()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            name = f"{self.command} {self.path}"
            playing.asked.append((name, json.loads(content or b"null")))
            playing.headers.append(self.headers)
            status, body = playing.answers.get(name, [(204, None)]).pop(0)
            shown = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(shown)))
            self.end_headers()
            self.wfile.write(shown)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        playing.port = http.server_port
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield playing
        http.shutdown()


@pytest.fixture
def remote(bare: CommandLine, server: Server) -> CommandLine:
    """The command line with the address and key of an installation."""
    api = {"GODWIT_API": f"http://127.0.0.1:{server.port}", "GODWIT_BEARER": "gwb_1"}
    bare.environment |= api
    return bare


def test_a_webhook_is_added_with_its_events_and_shows_its_secret(
    remote: CommandLine, server: Server
) -> None:
    server.answers["POST /v1/webhooks"] = [(201, HOOK | {"secret": "whsec_1"})]
    result = remote("webhook", "add", HOOK["url"], "--events", "campaign.*, message.*")
    assert (result.code, "whsec_1" in result.out) == (0, True)
    assert server.bodies("POST /v1/webhooks") == [
        {"url": HOOK["url"], "events": HOOK["events"], "dialect": "native"}
    ]
    assert server.headers[0]["authorization"] == "Bearer gwb_1"


def test_webhooks_are_listed_a_line_each(remote: CommandLine, server: Server) -> None:
    disabled = HOOK | {"id": "whk_2", "disabledAt": "2026-12-02T10:00:00.000Z"}
    server.answers["GET /v1/webhooks"] = [(200, {"webhooks": [HOOK, disabled]})] * 2
    lines = remote("webhook", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["whk_1", "whk_2"]
    assert "disabled since 2026-12-02" in lines[1]
    assert remote("webhook", "list", "--json").json == [HOOK, disabled]


@pytest.mark.parametrize(
    ("status", "code", "expected"), [("delivered", "204", 0), ("waiting", "500", 1)]
)
def test_a_test_waits_for_the_first_try(
    remote: CommandLine, server: Server, status: str, code: str, expected: int
) -> None:
    waiting = {"id": "cbk_1", "status": "waiting", "lastCode": None}
    ended = {"id": "cbk_1", "status": status, "lastCode": code}
    server.answers["POST /v1/webhooks/whk_1/test"] = [(202, waiting)]
    server.answers["GET /v1/webhooks/whk_1/deliveries/cbk_1"] = [(200, waiting), (200, ended)]
    result = remote("webhook", "test", "whk_1")
    assert (result.code, code in result.out) == (expected, True)


def test_a_replay_names_its_time_and_a_refusal_is_one_line(
    remote: CommandLine, server: Server
) -> None:
    path = "POST /v1/webhooks/whk_1/replay"
    server.answers[path] = [(202, {"replayed": 7}), (404, {"title": "there is no such webhook"})]
    command = ("webhook", "replay", "whk_1", "--since", "2026-12-01T10:00Z")
    assert remote(*command, "--until", "2026-12-01T11:00Z").out == "7 deliveries are repeated\n"
    assert server.bodies(path) == [{"since": "2026-12-01T10:00Z", "until": "2026-12-01T11:00Z"}]
    assert "404: there is no such webhook" in remote(*command).fault


def test_listen_forwards_each_delivery_as_it_is_and_reports_the_answer(
    remote: CommandLine, server: Server
) -> None:
    listener = {"id": "lsn_1", "secret": "whsec_1", "expiresAt": "2026-12-01T11:00:00.000Z"}
    fetch = "POST /v1/listeners/lsn_1/deliveries"
    server.answers["POST /v1/listeners"] = [(201, listener)]
    server.answers[fetch] = [
        (200, {"deliveries": [DELIVERY]}),
        (503, None),
        (200, {"deliveries": [DELIVERY | {"tries": 2}]}),
        (200, {"deliveries": []}),
    ]
    server.answers["POST /hooks"] = [(500, None), (410, None)]
    target = f"127.0.0.1:{server.port}/hooks"
    result = remote.process("listen", "--forward-to", target, "--events", "message.*")
    assert result.code == 1
    assert result.err.splitlines()[-1] == (
        "godwit: the address answered 410, which disables a webhook"
    )
    shown = [line.split()[1:] for line in result.out.splitlines() if "cmp_1" in line]
    about = ["message.sent", "+14155550101", "cmp_1[4]"]
    assert shown == [[*about, "500"], [*about, "try", "2", "410"]]
    assert server.bodies("POST /v1/listeners") == [{"events": ["message.*"], "dialect": "native"}]
    assert [body["reports"] for body in server.bodies(fetch)] == [
        [],
        *[[{"id": "cbk_1", "tries": 1, "status": 500}]] * 2,
        [{"id": "cbk_1", "tries": 2, "status": 410}],
    ]
    assert server.bodies("POST /hooks") == [json.loads(BODY)] * 2
    assert server.asked[-1][0] == "DELETE /v1/listeners/lsn_1"


@pytest.mark.parametrize("target", ["ftp://localhost/", "http://"])
def test_listen_forwards_to_web_addresses_alone(remote: CommandLine, target: str) -> None:
    assert "--forward-to must be" in remote("listen", "--forward-to", target).fault


def test_without_an_api_there_is_one_line(bare: CommandLine) -> None:
    assert "no stack runs" in bare("webhook", "list").fault
    bare.environment["GODWIT_API"] = f"http://127.0.0.1:{free_port()}"
    assert "GODWIT_BEARER" in bare("webhook", "list").fault
    bare.environment["GODWIT_BEARER"] = "gwb_1"
    assert "the API is not available" in bare("webhook", "list").fault


def test_an_address_where_something_else_answers_is_one_line(
    remote: CommandLine, server: Server
) -> None:
    server.answers["GET /v1/webhooks"] = [(200, None)]
    assert "not an answer of Godwit" in remote("webhook", "list").fault
    assert "not an answer of Godwit" in remote("listen").fault
