"""(h) listmonk with a postback messenger: a campaign to a list in PostgreSQL.

It is built from its Go module. Subscribers are imported before the clock starts, and because it
looks for campaigns every five seconds only, its seconds are those from the first message at the
carrier to the last.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import copyfile
from urllib.parse import urlsplit

import httpx
import psycopg

from bench.contenders.job import Clock, Job
from bench.processes import free_port, until_open
from bench.work import WARM_UP, number_of, text_of

# The newest that the module proxy has.
MODULE = "github.com/knadh/listmonk@v1.1.0"
# What it reads from its directory, and of its console what it does not start without.
FILES = ("queries.sql", "schema.sql", "config.toml.sample", "i18n/*", "static/**/*")
CONSOLE = ("favicon.png", "frontend/index.html")
POLL_SECONDS = 0.05
MAKE_LIST = """
    INSERT INTO lists (uuid, name, type, optin)
    VALUES (gen_random_uuid(), 'bench', 'private', 'single') RETURNING id"""
SUBSCRIBE = """
    WITH subscriber AS (
        INSERT INTO subscribers (uuid, email, name, attribs)
        VALUES (gen_random_uuid(), %s, %s, %s) RETURNING id
    )
    INSERT INTO subscriber_lists (subscriber_id, list_id, status)
    SELECT id, %s, 'confirmed' FROM subscriber"""
MAKE_CAMPAIGN = """
    INSERT INTO campaigns
        (uuid, name, subject, from_email, body, content_type, messenger, tags, template_id)
    VALUES (gen_random_uuid(), 'bench', 'bench', 'bench', '{{ .Subscriber.Attribs.text }}',
        'plain', 'carrier', '{}', (SELECT id FROM templates LIMIT 1)) RETURNING id"""
TEMPLATE = """UPDATE templates SET body = '{{ template "content" . }}'"""


async def contend(job: Job) -> dict[str, float]:
    """See :mod:`bench.contenders`."""
    with (
        tempfile.TemporaryDirectory(prefix="godwit-bench-listmonk-") as directory,
        psycopg.connect(job.server, autocommit=True) as database,
    ):
        place, port = Path(directory), free_port()
        _build(place)
        (place / "config.toml").write_text(_configuration(job.server, port))
        _run("./listmonk", "--install", "--yes", cwd=place)
        database.execute(TEMPLATE)
        for key, value in _settings(job).items():
            statement = "UPDATE settings SET value = %s WHERE key = %s"
            database.execute(statement, (json.dumps(value), key))
        process = await asyncio.create_subprocess_exec("./listmonk", cwd=place, stdout=sys.stderr)
        try:
            await until_open(port)
            async with httpx.AsyncClient(base_url=job.url, trust_env=False) as carrier:
                first, second = (_prepare(database, count) for count in (WARM_UP, job.count))
                await _send(database, carrier, first, WARM_UP)
                clock = Clock(job, process.pid)
                times = await _send(database, carrier, second, WARM_UP + job.count)
                return {**clock.stop(), "seconds": times[-1] - times[WARM_UP]}
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


def _prepare(database: psycopg.Connection, count: int) -> int:
    """Import so many people into a list of their own; a campaign to them that has not begun."""
    (people,) = database.execute(MAKE_LIST).fetchone() or ()
    (campaign,) = database.execute(MAKE_CAMPAIGN).fetchone() or ()
    rows = [
        (f"{people}-{n}@example.com", number_of(n), json.dumps({"text": text_of(n)}), people)
        for n in range(count)
    ]
    with database.transaction(), database.cursor() as cursor:
        cursor.executemany(SUBSCRIBE, rows)
    database.execute("INSERT INTO campaign_lists VALUES (%s, %s)", (campaign, people))
    database.execute("ANALYZE")
    return int(campaign)


async def _send(
    database: psycopg.Connection, carrier: httpx.AsyncClient, campaign: int, taken: int
) -> list[float]:
    """Run a campaign until the carrier took that many in all; when it took each."""
    database.execute("UPDATE campaigns SET status = 'running' WHERE id = %s", (campaign,))
    while (await carrier.get("/stats")).json()["count"] < taken:
        await asyncio.sleep(POLL_SECONDS)
    times: list[float] = (await carrier.get("/times")).json()
    return times


def _build(place: Path) -> None:
    """Build the program and lay what it reads beside it."""
    module = Path(json.loads(_run("go", "mod", "download", "-json", MODULE, cwd=place))["Dir"])
    _run("go", "build", "-C", str(module), "-o", str(place / "listmonk"), "./cmd", cwd=place)
    for file in (file for pattern in FILES for file in module.glob(pattern) if file.is_file()):
        target = place / file.relative_to(module)
        target.parent.mkdir(parents=True, exist_ok=True)
        copyfile(file, target)
    for name in CONSOLE:
        target = place / "frontend" / "dist" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()


def _configuration(server: str, port: int) -> str:
    address = urlsplit(server)
    values = {"host": address.hostname, "port": address.port, "user": address.username}
    # An empty password would take the next word for one.
    values |= {"password": "none", "database": address.path[1:], "ssl_mode": "disable"}
    values |= {"max_open": 25, "max_idle": 25, "max_lifetime": "300s"}
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    return "\n".join(["[app]", f'address = "127.0.0.1:{port}"', "[db]", *lines])


def _settings(job: Job) -> dict[str, object]:
    """Its quickest settings, and nobody to tell or to ask beyond this machine."""
    messenger = {"enabled": True, "name": "carrier", "root_url": f"{job.url}/postback"}
    messenger |= {"max_conns": job.at_once, "retries": 2, "timeout": "10s"}
    return {
        "app.concurrency": job.at_once,
        "app.message_rate": 1_000_000,
        "app.batch_size": 5_000,
        "app.check_updates": False,
        "app.notify_emails": [],
        "privacy.unsubscribe_header": False,
        "smtp": [{"enabled": True, "host": "127.0.0.1", "port": 9, "max_conns": 1}],
        "messengers": [messenger],
    }


def _run(*command: str, cwd: Path) -> bytes:
    return subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.PIPE).stdout
