"""The API as a process: what a failing database leaves in its log, and the lines of requests."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from campaign.settings import Settings
from store.database.migrate import upgrade
from store.store import open_store
from tests.carriers.servers import free_port
from tests.conftest import LONG_CODE
from tests.telemetry.planting import NAME, NUMBER, TEXT, leaks
from tests.test_layout import ROOT

SECRET_KEY = "a secret for tests"
TRIGGER = "CREATE TRIGGER no BEFORE INSERT ON message BEGIN SELECT RAISE(ABORT, 'no row'); END"


@contextmanager
def serving(directory: Path, database: Path, *arguments: str) -> Iterator[tuple[str, Path]]:
    """Run ``godwit api`` on a database; its address, and the file that its stderr goes to."""
    port, log = free_port(), directory / "api.log"
    environment = {
        **os.environ,
        "GODWIT_DATABASE_URL": f"sqlite:///{database}",
        "GODWIT_SECRET_KEY": SECRET_KEY,
        "GODWIT_API_PORT": str(port),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
    }
    command = [sys.executable, "-m", "starter", "api", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)
                break
            except httpx.TransportError:
                assert process.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", log
    finally:
        process.terminate()
        process.wait(30)


def test_a_trigger_that_aborts_an_insert_leaves_no_value_in_the_log_of_the_process(
    tmp_path: Path,
) -> None:
    database = tmp_path / "godwit.db"
    store = open_store(
        Settings(database_url=f"sqlite:///{database}", secret_key=SecretStr(SECRET_KEY))
    )
    upgrade(store.database)
    account, pair = store.accounts.create("tester", 0, 1_000, 0, (LONG_CODE,))
    store.close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(TRIGGER)
    body = {"name": NAME, "text": TEXT, "recipients": [{"to": NUMBER}]}
    headers = {"authorization": f"Bearer {pair.bearer}", "x-request-id": "one-of-ours"}
    with serving(tmp_path, database, "--log-format", "json") as (url, log):
        answer = httpx.post(f"{url}/v1/campaigns", json=body, headers=headers, trust_env=False)
        httpx.get(f"{url}/v1/opt-outs/{NUMBER}", headers=headers, trust_env=False)
        httpx.get(f"{url}/{NUMBER}?to={NUMBER}", trust_env=False)
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "one-of-ours")
    written = log.read_text()
    assert leaks(written, pair.bearer, pair.secret) == []
    assert "IntegrityError" in written and "one-of-ours" in written
    lines: list[dict[str, Any]] = [json.loads(line) for line in written.splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    (posted,) = [line for line in requests if line["method"] == "POST"]
    assert posted["milliseconds"] > 0
    assert (
        posted.items()
        >= {
            "route": "/v1/campaigns",
            "status": 500,
            "request_id": "one-of-ours",
            "account": account.id,
        }.items()
    )
    assert {line["route"] for line in requests} >= {"none", "/healthz"}
