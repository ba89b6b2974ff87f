"""Storms of refused requests against an API process: ``python -m tests.storms`` prints figures.

Measures the memory of the process before and after, and how long ``/healthz`` takes meanwhile.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from pydantic import SecretStr

from campaign.settings import Settings
from store.accounts.api_keys import KeyPair
from store.database.migrate import upgrade
from store.store import open_store

JSON = {"content-type": "application/json"}
HEAD_BYTES = 10_000_000
SENDERS = 4
GROWTH_MAX = 1.2
SETTLED_SECONDS = 15
# Asks again and again, in a process of its own: the clients of the storm would hold it up.
_PROBE = """
import http.client, sys, threading, time
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
times = []
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
while not times or not ended.wait(0.01):
    began = time.monotonic()
    connection.request("GET", "/healthz")
    connection.getresponse().read()
    times.append(time.monotonic() - began)
times.sort()
print(len(times), times[len(times) // 2], times[-1])
"""


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

    def is_up(self) -> bool:
        """Tell whether the process answers."""
        try:
            return self.http.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def refuse(self, body: object, kind: str) -> None:
        """Post a campaign that is refused for one kind of fault."""
        answer = self.http.post("/v1/campaigns", content=json.dumps(body), headers=JSON)
        assert answer.status_code == 400, answer.text
        assert answer.json()["type"] == f"urn:godwit:problem:{kind}"

    def send_head(self) -> None:
        """Send header lines, without credentials, until the API closes the connection."""
        line = b"".join(b"x-%06d: %s\r\n" % (index, b"v" * 80) for index in range(1_000))
        with socket.create_connection(("127.0.0.1", self.port)) as sender:
            sender.sendall(b"GET /healthz HTTP/1.1\r\nhost: godwit\r\n")
            with contextlib.suppress(ConnectionError):
                for _ in range(HEAD_BYTES // len(line)):
                    sender.sendall(line)
                sender.recv(1)
                sender.recv(1)
                raise AssertionError("a head of 10 MB was taken")


@contextlib.contextmanager
def serving(directory: Path) -> Iterator[Api]:
    """Run an API process with a store of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "GODWIT_DATABASE_URL": f"sqlite:///{directory / 'godwit.db'}",
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
    with (directory / "api.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "starter", "api"], env=environment, stdout=log, stderr=log
        )
    running = Api(port, process.pid, pair)
    try:
        wait_for(running.is_up, 60)
        yield running
    finally:
        running.http.close()
        process.terminate()
        process.wait(30)


def wait_for(check: Callable[[], bool], seconds: float) -> bool:
    """Wait until a check holds; False if it does not in time."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def long_texts(count: int) -> Iterator[object]:
    """Bodies with a text of 10 MB; each is another one, so that a cache would keep each."""
    person = [{"to": "+14155550000"}]
    return ({"recipients": person, "text": f"{n:04d}" + "y" * 9_999_996} for n in range(count))


def bombs(count: int) -> Iterator[object]:
    """Bodies whose templates would fill in to a gigabyte."""
    people = [
        {"to": f"+1415555{index:04d}", "fields": {"A": "x" * 1_600}} for index in range(2_000)
    ]
    return ({"recipients": people, "text": "{{A}}" * 320 + str(n)} for n in range(count))


def storm(api: Api, texts: int, templates: int, heads: int) -> Iterator[str]:
    """Send refused requests, several at a time; yields the name of each part when it has ended."""

    def refuse(body: object) -> None:
        api.refuse(body, "content_too_long")

    with ThreadPoolExecutor(SENDERS) as senders:
        for bodies, name in ((long_texts(texts), "long texts"), (bombs(templates), "bombs")):
            # As many at a time as are sent: all of them would be gigabytes here.
            while batch := list(islice(bodies, SENDERS)):
                list(senders.map(refuse, batch))
            yield name
        list(senders.map(lambda _: api.send_head(), range(heads)))
        yield "heads"


def large_campaigns(api: Api, count: int) -> str:
    """Post campaigns of 50,000 recipients, which are stored and then wait for Temporal in vain."""
    for number in range(count):
        people = [
            {"to": f"+1415{555 + index // 10_000}{index % 10_000:04d}"} for index in range(50_000)
        ]
        body = json.dumps({"recipients": people, "text": f"Hello {number}"})
        answer = api.http.post("/v1/campaigns", content=body, headers=JSON)
        assert answer.status_code == 503, answer.text
    return "campaigns"


@contextlib.contextmanager
def probing(api: Api) -> Iterator[Callable[[], str]]:
    """Ask ``/healthz`` in a process of its own; the function ends that and gives the figures."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PROBE, str(api.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield lambda: process.communicate()[0]
    finally:
        process.kill()
        process.wait()


def measure(api: Api, part: Callable[[], str | None], before: int) -> bool:
    """Run one part of a storm and print its figures; False if there was none."""
    with probing(api) as ended:
        began = time.monotonic()
        name = part()
        took = time.monotonic() - began
        count, median, worst = map(float, ended().split())
    if name is None:
        return False
    peak = api.memory()
    wait_for(lambda: api.memory() < GROWTH_MAX * before, SETTLED_SECONDS)
    sys.stdout.write(
        f"{name}: {took:.1f} s; {count:.0f} times /healthz: median {median * 1e3:.0f} ms, "
        f"slowest {worst * 1e3:.0f} ms; memory {peak / before - 1:+.0%} at the end, "
        f"{api.memory() / before - 1:+.0%} afterwards\n"
    )
    return True


def main() -> None:
    """Print figures of the storm of docs/reliability.md, and of large campaigns."""
    with TemporaryDirectory() as directory, serving(Path(directory)) as api:
        api.refuse({"recipients": [{"to": "+14155550000"}], "text": ""}, "content_missing")
        before = api.memory()
        sys.stdout.write(f"before: {before / 1e6:.0f} MB\n")
        parts = storm(api, texts=200, templates=20, heads=10)
        while measure(api, lambda: next(parts, None), before):
            pass
        measure(api, lambda: large_campaigns(api, 5), before)


if __name__ == "__main__":
    main()
