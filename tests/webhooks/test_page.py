"""docs/webhooks.md: its verification code takes a signed delivery and refuses a changed one."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from campaign.events import SUBSCRIBABLE, TRY_WAITS, Event
from campaign.instants import HOUR
from dialects.renderers import RENDERERS
from store.accounts.accounts import AccountView
from store.store import Store
from tests.receiving import Taken, receive
from tests.store.builders import StoreBuilder
from tests.test_docs import rows, section, ticked
from tests.test_layout import ROOT
from tests.webhook_worker import make_event, wall_clock
from tests.webhooks.peers import egress_client
from webhooks.sender import WebhookSender

PAGE = (ROOT / "docs" / "webhooks.md").read_text("utf-8")
Signed = tuple[str, Taken]
PYTHON = """
import sys
secret, headers, path = sys.argv[1:]
print(json.dumps(verify(secret, json.loads(headers), open(path, "rb").read())))
"""
NODE = """
const [secret, headers, path] = process.argv.slice(2);
const body = require("node:fs").readFileSync(path);
console.log(JSON.stringify(verify(secret, JSON.parse(headers), body)));
"""


def code(language: str) -> str:
    """The one block of code of a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)
    return str(found)


def run(language: str, directory: Path, secret: str, taken: Taken) -> str | None:
    """What the code of the page says of a delivery; None if it refuses it."""
    body = directory / "body"
    body.write_bytes(taken.body)
    arguments = [secret, json.dumps(dict(taken.headers)), str(body)]
    environment = dict(os.environ)
    match language:
        case "python":
            command = [sys.executable, "-c", code("python") + PYTHON, *arguments]
        case "js":
            script = directory / "verify.js"
            script.write_text(code("js") + NODE)
            command = ["node", str(script), *arguments]
        case _:
            command = ["sh", "-c", code("sh")]
            environment |= {
                "SECRET": secret,
                "WEBHOOK_ID": taken.id,
                "WEBHOOK_TIMESTAMP": str(taken.sent_at),
                "WEBHOOK_SIGNATURE": taken.headers["webhook-signature"],
                "BODY_FILE": str(body),
            }
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert "SyntaxError" not in result.stderr and "not found" not in result.stderr
    return result.stdout if result.returncode == 0 else None


@pytest.fixture
async def signed(store: Store, account: AccountView) -> AsyncIterator[Signed]:
    """A delivery as a server on this machine got it, and the secret of its webhook."""
    builder = StoreBuilder(store, account.id)
    async with receive() as receiver, egress_client() as egress:
        webhook, _ = store.endpoints.add(account.id, receiver.url, ["*"], "native", wall_clock())
        store.endpoints.rotate(account.id, webhook.id, wall_clock())
        secret = store.endpoints.rotate(account.id, webhook.id, wall_clock())
        make_event(builder, 1, wall_clock())
        sender = WebhookSender(store.events, egress, RENDERERS)
        await sender.deliver(str(builder.value("SELECT id FROM callback")), wall_clock())
        (taken,) = receiver.taken
        assert secret is not None
        yield secret, taken


@pytest.mark.one_store
@pytest.mark.parametrize("language", ["python", "js", "sh"])
def test_the_code_of_the_page_takes_a_delivery_and_refuses_a_changed_one(
    language: str, signed: Signed, tmp_path: Path
) -> None:
    if shutil.which({"python": sys.executable, "js": "node", "sh": "openssl"}[language]) is None:
        pytest.skip(f"what runs {language} is not installed")
    secret, taken = signed
    shown = run(language, tmp_path, secret, taken)
    assert shown is not None
    if language == "sh":
        assert shown == "verified\n"
    else:
        assert json.loads(shown) == taken.verified(secret)
    changed = replace(taken, body=taken.body.replace(b"sent", b"seen"))
    assert run(language, tmp_path, secret, changed) is None
    other = dict(taken.headers) | {"webhook-id": f"{taken.id}1"}
    assert run(language, tmp_path, secret, replace(taken, headers=other)) is None
    assert run(language, tmp_path, "whsec_" + "A" * 43 + "=", taken) is None
    if language != "sh":
        old = dict(taken.headers) | {"webhook-timestamp": str(int(time.time()) - HOUR)}
        assert run(language, tmp_path, secret, replace(taken, headers=old)) is None


@pytest.mark.one_store
def test_the_example_has_the_members_of_an_event(signed: Signed) -> None:
    secret, taken = signed
    example, event = json.loads(code("json")), taken.verified(secret)
    assert (list(example), list(example["data"])) == (list(event), list(event["data"]))


def test_every_event_is_explained_once() -> None:
    names = [name for row in rows(section(PAGE, "What arrives")) for name in ticked(row[0])]
    assert sorted(names) == sorted(event.value for event in Event)
    assert set(names) - {"webhook.test"} <= SUBSCRIBABLE


def test_the_waits_of_the_page_are_those_of_the_code() -> None:
    (text,) = re.findall(r"tried again after (.*?) hours;", " ".join(PAGE.split()))
    assert text == "5 seconds, 5 and 30 minutes, 2, 5, 10, 14, 20 and 24"
    assert [wait // 1000 for wait in TRY_WAITS] == [
        *(0, 5, 300, 1_800),
        *(hours * 3_600 for hours in (2, 5, 10, 14, 20, 24)),
    ]
