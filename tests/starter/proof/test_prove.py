"""``godwit prove`` on real stacks, and what it refuses to do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from campaign.states import MessageStatus
from starter.proof import prove as proof
from starter.proof.faults import run_hook
from starter.proof.load import CannotProve, Effort, Sender
from tests.running import stack


def godwit(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GODWIT_")}
    return subprocess.run(
        [sys.executable, "-m", "starter", *arguments],
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=230,
    )


@pytest.mark.stack
def test_a_temporary_stack_whose_parts_are_killed_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    report = tmp_path / "report.md"
    load = "--messages 2000 --minutes 0.4 --every 4 --seed 11 --json".split()
    proven = godwit("prove", *load, "--report", str(report), GODWIT_DATA=str(tmp_path / "none"))
    assert proven.returncode == 0, proven.stdout + proven.stderr
    shown = json.loads(proven.stdout)
    assert shown["holds"] and shown["messages"] == 2_000 and shown["seed"] == 11
    assert len(shown["faults"]) >= 3
    assert all(fault["what"].startswith("kill ") for fault in shown["faults"])
    assert report.read_text().startswith("# The promise holds\n")


@pytest.mark.stack
def test_a_running_stack_is_proven_with_a_hook_of_the_user(tmp_path: Path) -> None:
    with stack(tmp_path / "data") as running:
        load = "--messages 200 --minutes 0.1 --every 1 --json".split()
        mark = tmp_path / "mark"
        hook = f"echo x >> {mark}; kill -9 {running.pids()['workers'][0]}"
        proven = godwit("prove", *load, "--hook", hook, GODWIT_DATA=str(running.data))
        assert proven.returncode == 0, proven.stdout + proven.stderr
        shown = json.loads(proven.stdout)
        assert shown["holds"] and shown["hook"] == hook
        assert len(mark.read_text().split()) == len(shown["faults"]) >= 2


def test_another_installation_needs_the_address_of_its_carrier(tmp_path: Path) -> None:
    refused = godwit("prove", GODWIT_API="http://127.0.0.1:9", GODWIT_BEARER="x")
    assert refused.returncode == 1 and "--carrier" in refused.stderr


def test_where_the_first_message_does_not_arrive_nothing_more_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proof, "PROBE_SECONDS", -1.0)
    posted: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/log":
            return httpx.Response(200, json=[{"reference": "another's", "at": "2026-01-01"}])
        if request.method == "POST":
            posted.append(str(request.url))
            credits = {"sms": 1, "mms": 0}
            return httpx.Response(201, json={"id": "a", "admitted": True, "credits": credits})
        return httpx.Response(200, json={"messages": [{"id": "m", "status": "sent"}], "next": None})

    client = httpx.Client(base_url="http://api", transport=httpx.MockTransport(answer))
    effort = Effort(messages=100, seconds=1, every_seconds=1, seed=1, hook="")
    with pytest.raises(CannotProve, match="nothing more was sent"):
        proof.prove(proof.Installation("x", client, client), effort, None, lambda line: None)
    assert posted == [
        "http://api/v1/campaigns?dryRun=true",
        "http://api/v1/campaigns",
    ]


def test_a_carrier_whose_log_cannot_be_read_is_said() -> None:
    away = httpx.Client(
        base_url="http://carrier", transport=httpx.MockTransport(lambda _: httpx.Response(404))
    )
    with pytest.raises(CannotProve, match="log cannot be read"):
        proof.read_log(away)


def test_a_hook_that_fails_is_reported_and_not_hidden() -> None:
    assert run_hook("true") == "hook"
    assert run_hook("exit 3") == "hook: exit 3"
    assert run_hook("echo killed; exit 3") == "hook: exit 3"


def test_a_hook_names_what_it_broke_on_its_first_line() -> None:
    assert run_hook("echo killed api; echo more") == "killed api"
    assert run_hook("printf '%0200d' 0") == "0" * 80


def test_a_receipt_between_the_counts_and_the_messages_is_no_miscount() -> None:
    """The campaign is read before and after its messages, until both times are alike."""
    delivered = 0
    credits = {kind: {"sms": 2} for kind in ("held", "posted", "voided")}

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal delivered
        if request.url.path.endswith("/messages"):
            delivered = min(2, delivered + 1)
            states = ["delivered"] * delivered + ["sent"] * (2 - delivered)
            messages = [{"id": f"msg_{at}", "status": each} for at, each in enumerate(states)]
            return httpx.Response(200, json={"messages": messages, "next": None})
        counts = {each.value: 0 for each in MessageStatus}
        counts |= {"sent": 2 - delivered, "delivered": delivered}
        shown = {"status": "finished", "counts": counts, "credits": credits}
        return httpx.Response(200, json=shown)

    client = httpx.Client(base_url="http://api", transport=httpx.MockTransport(answer))
    seen = proof.observe(Sender(client, "run", 1), "cmp_1")
    assert seen.counts["delivered"] == 2
    assert list(seen.messages.values()) == [MessageStatus.DELIVERED] * 2


def test_balances_that_do_not_add_up_are_counted() -> None:
    balance = {"granted": 10, "available": 4, "held": 3, "posted": 1}
    client = httpx.Client(
        base_url="http://api",
        transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"sms": balance})),
    )
    assert proof.imbalance(Sender(client, "run", 1)) == 2
