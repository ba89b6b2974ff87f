"""A storm of refused requests against an API process: its memory comes back."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from campaign.settings import Settings
from store.accounts.api_keys import KeyPair
from store.database.migrate import upgrade
from store.store import open_store

pytestmark = pytest.mark.stack

GROWTH_MAX = 1.2
LONG_TEXTS, BOMBS, HEADS = 40, 10, 10
HEAD_BYTES = 10_000_000


class Api:
    """An API process on a SQLite store, without Temporal."""

    def __init__(self, port: int, pid: int, pair: KeyPair) -> None:
        self.port, self.pid = port, pid
        self.http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            auth=(pair.key_id, pair.secret),
            timeout=60,
            trust_env=False,
        )

    def memory(self) -> int:
        """The bytes of memory that the process occupies."""
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def refuse(self, body: object, kind: str) -> None:
        """Post a campaign that is refused for one kind of fault."""
        answer = self.http.post("/v1/campaigns", content=json.dumps(body), headers=JSON)
        assert answer.status_code == 400
        assert answer.json()["type"] == f"urn:godwit:problem:{kind}"


JSON = {"content-type": "application/json"}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "GODWIT_DATABASE_URL": f"sqlite:///{tmp_path / 'godwit.db'}",
        "GODWIT_SECRET_KEY": "a secret for the tests of storms",
        "GODWIT_API_PORT": str(port),
        "TEMPORAL_ADDRESS": "127.0.0.1:9",
    }
    settings = Settings(
        database_url=environment["GODWIT_DATABASE_URL"],
        secret_key=SecretStr(environment["GODWIT_SECRET_KEY"]),
    )
    store = open_store(settings)
    upgrade(store.database)
    pair = store.accounts.create("tester", 0, 1_000, 0, ["+18005550123"])[1]
    store.close()
    with (tmp_path / "api.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "starter", "api"], env=environment, stdout=log, stderr=log
        )
    running = Api(port, process.pid, pair)
    try:
        wait_for(lambda: is_up(running), 60)
        yield running
    finally:
        running.http.close()
        process.terminate()
        process.wait(30)


def is_up(api: Api) -> bool:
    try:
        return api.http.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def wait_for(check: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def send_a_head(api: Api) -> None:
    """Send header lines, without credentials, until the API closes the connection."""
    line = b"".join(b"x-%06d: %s\r\n" % (index, b"v" * 80) for index in range(1_000))
    with socket.create_connection(("127.0.0.1", api.port)) as sender:
        sender.sendall(b"GET /healthz HTTP/1.1\r\nhost: godwit\r\n")
        with pytest.raises(ConnectionError):
            for _ in range(HEAD_BYTES // len(line)):
                sender.sendall(line)
            sender.recv(1)
            sender.recv(1)


def test_after_a_storm_of_refused_requests_memory_is_what_it_was(api: Api) -> None:
    people = [
        {"to": f"+1415555{index:04d}", "fields": {"A": "x" * 1_600}} for index in range(2_000)
    ]
    person = people[:1]
    api.refuse({"recipients": person, "text": ""}, "content_missing")
    before = api.memory()
    with ThreadPoolExecutor(4) as senders:
        # Each text is another one, so that a cache would keep each.
        texts = (f"{index:02d}" + "y" * 9_999_998 for index in range(LONG_TEXTS))
        for text in texts:
            api.refuse({"recipients": person, "text": text}, "content_too_long")
        bombs = ({"recipients": people, "text": "{{A}}" * 320 + str(n)} for n in range(BOMBS))
        list(senders.map(lambda bomb: api.refuse(bomb, "content_too_long"), bombs))
        list(senders.map(lambda _: send_a_head(api), range(HEADS)))
    wait_for(lambda: api.memory() < GROWTH_MAX * before, 15)
    assert is_up(api)
