"""docs/api.md and docs/migrating.md: their commands work as written, and their statements hold."""

import json
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from campaign.events import NATIVE
from campaign.model import FIELD_LENGTH_MAX, FIELDS_MAX, RECIPIENTS_MAX, SPREAD_HOURS_MAX, Policy
from dialects.http.auth import Permission
from dialects.native.problem_models import EXAMPLES
from dialects.registry import DIALECTS
from store.webhooks.endpoints import WEBHOOKS_MAX
from store.webhooks.listeners import LISTENERS_MAX
from tests.carriers.servers import free_port
from tests.test_docs import rows, section, ticked
from tests.test_layout import ROOT
from tests.test_readme import Reader, recipe

PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
MIGRATING = (ROOT / "docs" / "migrating.md").read_text("utf-8")
SECONDS = 60
EVENTS = ["message.sent"] * 2 + ["message.delivered"] * 2 + ["campaign.finished"]


def blocks(language: str, page: str = PAGE) -> list[str]:
    """The blocks of code of a language, without their indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", page, re.M | re.S)
    return [textwrap.dedent(block) for _, block in found]


def commands(page: str = PAGE) -> list[str]:
    """Every command of a page, in order."""
    return [line for block in blocks("sh", page) for line in block.splitlines()]


def first_line(process: subprocess.Popen[str], start: str) -> str:
    """Read what a process prints up to a line that starts so; the rest of that line."""
    assert process.stdout is not None
    while line := process.stdout.readline():
        if line.startswith(start):
            return line.removeprefix(start).strip()
    raise AssertionError(f"it never said {start!r}")


def check(command: str, result: str) -> None:
    """See that a command came to what the page says of it."""
    if "dryRun" in command:
        assert json.loads(result)["admitted"] is True
    elif "/messages?limit=1" in command:
        page = json.loads(result)
        assert len(page["messages"]) == 1 and page["next"]
    elif "/report" in command:
        assert json.loads(result)["counts"]["delivered"] == 2
    elif "/cancel" in command:
        assert json.loads(result)["type"] == "urn:godwit:problem:campaign_ended"
    elif "campaigns?limit=1" in command:
        assert len(json.loads(result)["campaigns"]) == 1
    elif command.startswith("curl"):
        campaign = json.loads(result)
        assert (campaign["sandbox"], campaign["counts"]["total"]) == (True, 2)


@pytest.mark.stack
def test_a_reader_of_the_page_gets_verified_events(tmp_path: Path) -> None:
    up, *setting, listen, receive, send = commands()[:6]
    rest = commands()[6:]
    assert up == "make up" and all(" env" in one or "export" in one for one in setting)
    (server,) = blocks("python")
    port = str(free_port())
    (tmp_path / "receiver.py").write_text(server.replace("3000", port))
    reader = Reader(tmp_path / "data")
    any_ports = " --port 0 --temporal-port 0 --ui-port 0"
    with reader.running(recipe("up") + any_ports) as stack:
        reader.wait_for_stack(stack)
        for command in setting:
            reader.run(command)
        with reader.running(listen.replace("3000", port)) as listening:
            secret = first_line(listening, "signing secret")
            local = receive.replace("receiver.py", str(tmp_path / "receiver.py"))
            with reader.running(local.replace("whsec_...", secret)) as receiver:
                time.sleep(1)
                reader.run(send)
                assert receiver.stdout is not None
                shown = [receiver.stdout.readline().split() for _ in EVENTS]
                assert [line[0] for line in shown] == ["verified"] * len(EVENTS)
                # Events of a campaign and of its messages have no order between them.
                assert sorted(line[1] for line in shown) == sorted(EVENTS)
        for command in rest:
            check(command, reader.run(command))
        check_error(reader.environment)
        check_migrating(reader)


def check_error(environment: dict[str, str]) -> None:
    """See that the error of the page is what the API answers."""
    recipients = [{"to": f"+1415555{number:04}", "text": "Hello"} for number in range(100, 103)]
    body = {"recipients": [*recipients, {"to": "12", "text": "Hello"}]}
    answer = httpx.post(
        f"{environment['GODWIT_API']}/v1/campaigns",
        json=body,
        headers={"Authorization": f"Bearer {environment['GODWIT_BEARER']}"},
        trust_env=False,
        timeout=SECONDS,
    )
    (example,) = blocks("json")
    assert answer.json() == json.loads(example)


def check_migrating(reader: Reader) -> None:
    """See that the commands for clients of vendors are taken as each vendor's page says."""
    results = [(command, reader.run(command)) for command in commands(MIGRATING)]
    shown = {command: json.loads(one) for command, one in results if not command.startswith("e")}
    said: dict[str, Callable[[Any], bool]] = {
        "/v1/opt-outs": lambda answer: bool(answer == {"added": 2, "total": 2}),
        "/members": lambda answer: bool(answer["members"] == 2),
        "/messaging/batch": lambda answer: bool(answer["status"] == "queued"),
        "/bulk_sms": lambda answer: bool(answer["status"]["code"] == 293),
        "/BatchMessages": lambda answer: {item["Status"] for item in answer} == {"Processing"},
        "/send/batch": lambda answer: answer["success"] is True,
    }
    assert len(shown) == len(said)
    for place, holds in said.items():
        ((command, answer),) = [pair for pair in shown.items() if place in pair[0]]
        assert holds(answer), f"{command}\n{answer}"
    (client,) = blocks("python", MIGRATING)
    program = [sys.executable, "-W", "ignore", "-c", client]
    ran = subprocess.run(program, env=reader.environment, capture_output=True, text=True)
    assert ran.stdout == "200 293\n", ran.stderr


def test_every_api_of_a_vendor_has_a_part_on_migrating() -> None:
    parts = set(re.findall(r"^## (.*)$", MIGRATING, re.M)) - {"What everybody does"}
    assert {part.replace(" ", "").lower() for part in parts} == {
        dialect.name for dialect in DIALECTS if dialect.name != NATIVE
    }
    for part in parts:
        text = section(MIGRATING, part)
        assert "The same:" in text and "Different:" in text and "| base URL |" in text


def test_the_limits_of_the_page_are_those_of_the_code() -> None:
    table: dict[str, Any] = {row[0]: row[1] for row in rows(section(PAGE, "Limits"))}
    assert table["recipients in a request"].startswith(f"{RECIPIENTS_MAX:,};")
    assert table["text"].startswith(f"{Policy().text_length_max:,} ")
    assert table["fields of a recipient"] == (
        f"{FIELDS_MAX}, each of up to {FIELD_LENGTH_MAX:,} characters"
    )
    assert table["spread"] == f"up to {SPREAD_HOURS_MAX:.0f} hours"
    assert table["webhooks, listeners"] == f"{WEBHOOKS_MAX}, {LISTENERS_MAX}"


def test_every_status_and_permission_is_explained() -> None:
    explained = {status for row in rows(section(PAGE, "Errors")) for status in row[0].split()}
    assert explained == {str(example.status) for example in EXAMPLES}
    assert set(Permission) <= set(ticked(section(PAGE, "Keys")))
