"""``godwit list``, ``status``, ``report``, ``send --dry-run`` and ``audit`` on stored campaigns."""

import csv
import io
import json
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from campaign.instants import DAY, HOUR, SECOND, moment_of
from campaign.orders import Order
from campaign.ports import Tally
from campaign.rates import campaign_scope
from campaign.refusals import Refusal, RefusalCode
from campaign.states import CampaignStatus
from dialects.native.responses import CSV_COLUMNS
from starter.cli.campaign_table import print_campaigns
from store.clock import wall_clock
from tests.starter.cli.conftest import CommandLine, ended
from tests.store.builders import NOW, StoreBuilder, number

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
COUNTS = [member.name for member in fields(Tally)]


# --------------------------------------------------------------------------- looking


def test_campaigns_are_listed_newest_first(godwit: CommandLine, builder: StoreBuilder) -> None:
    assert godwit("list", "--json").json == []
    first, second = ended(builder, name="first"), builder.save(2, name="second", now=NOW + 1)
    listed = godwit("list", "--json").json
    assert [campaign["id"] for campaign in listed] == [second, first]
    assert [campaign["status"] for campaign in listed] == ["draft", "finished_with_failures"]
    result = godwit("list")
    rows = [line.split() for line in result.out.splitlines()]
    assert rows[0] == "id status dialect name recipients sent failed created".split()
    assert rows[1][:7] == [second, "draft", "native", "second", "2", "0", "0"]
    assert rows[2][:7] == [first, "finished_with_failures", "native", "first", "4", "3", "1"]
    limited = godwit("list", "--limit", "1", "--json").json
    assert [campaign["id"] for campaign in limited] == [second]


def test_a_campaign_of_the_sandbox_is_marked(godwit: CommandLine, builder: StoreBuilder) -> None:
    live, tried = builder.admit(2), builder.admit(2, sandbox=True, now=NOW + 1)
    assert [one["sandbox"] for one in godwit("list", "--json").json] == [True, False]
    rows = [line.split() for line in godwit("list").out.splitlines()]
    assert [row[2] for row in rows[1:]] == ["native/sandbox", "native"]
    assert "no carrier gets it" in godwit("status", tried).out
    assert "no carrier gets it" not in godwit("status", live).out
    assert godwit("report", tried).json["sandbox"] is True


def test_campaigns_are_listed_by_account(godwit: CommandLine, builder: StoreBuilder) -> None:
    campaign_id = builder.save(2)
    godwit("account", "create", "beta")
    assert godwit("list", "--account", "beta", "--json").json == []
    listed = godwit("list", "--account", "acme", "--json").json
    assert [campaign["id"] for campaign in listed] == [campaign_id]


@pytest.mark.parametrize("limit", ["0", "-1", "100001", "9" * 30])
def test_a_limit_that_is_none_is_a_usage_error(godwit: CommandLine, limit: str) -> None:
    result = godwit("list", "--limit", limit)
    assert result.code == 2 and "Traceback" not in result.err


def test_the_status_has_counts_that_sum_to_the_total(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    campaign_id = ended(builder)
    shown = godwit("status", campaign_id, "--json").json
    assert (shown["id"], shown["status"]) == (campaign_id, "finished_with_failures")
    counts = shown["counts"]
    assert list(counts) == COUNTS and counts["total"] == 4
    assert sum(counts[name] for name in COUNTS[1:]) == counts["total"]
    assert (counts["sent"], counts["failed"]) == (3, 1)
    table = godwit("status", campaign_id).out
    assert "a campaign" in table and campaign_id in table and "delivered" not in table
    assert "sent" in table and "failed" in table and "█" in table


def test_watching_a_campaign_that_is_over_ends_at_once(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    result = godwit("watch", ended(builder))
    assert (result.code, result.out) == (3, "finished_with_failures total=4 sent=3 failed=1\n")
    clean = builder.admit(2)
    builder.send(clean)
    builder.store.admissions.settle(clean, CampaignStatus.FINISHED, NOW)
    assert godwit("watch", clean).code == 0


@pytest.mark.parametrize("name", ["[/x]", ":smile: [red]sale", "a\x1b[2Jb"])
def test_the_name_of_a_campaign_is_shown_as_it_is(
    godwit: CommandLine, builder: StoreBuilder, name: str
) -> None:
    campaign_id = ended(builder, name=name)
    for result in (godwit("list"), godwit("status", campaign_id)):
        assert result.code == 0 and "\x1b" not in result.out
        assert name.replace("\x1b", "\ufffd") in result.out
    assert godwit("status", campaign_id, "--json").json["name"] == name


def test_g13_the_status_says_when_a_waiting_campaign_leaves_in_utc_and_in_words(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    begins = wall_clock() + 3 * DAY + SECOND
    campaign_id = builder.save(2, due_at=begins)
    assert builder.store.admissions.hold(campaign_id, NOW) is None
    builder.store.campaigns.set_status(campaign_id, CampaignStatus.SCHEDULED, NOW)
    builder.store.rates.set_rate(campaign_scope(campaign_id), 5)
    lines = godwit("status", campaign_id).out.splitlines()
    at = f"{moment_of(begins):%Y-%m-%d %H:%M:%S} UTC (in 3 days)"
    assert f"begins: {at}" in lines and f"last message due: {at}" in lines
    assert "rate: 5 segments/s" in lines and "credits held: 4 sms" in lines
    builder.store.orders.give(campaign_id, Order.PAUSE, NOW)
    lines = godwit("status", campaign_id).out.splitlines()
    assert f"begins once it is resumed: {at}" in lines
    assert "ordered, and not carried out yet: pause" in lines


def test_the_status_says_what_failed_and_why_a_campaign_was_refused(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    lines = godwit("status", ended(builder)).out.splitlines()
    assert "1 failed: the carrier calls the number invalid" in lines
    assert "credits posted: 6 sms" in lines and "credits returned: 2 sms" in lines
    assert any(line.startswith("began: 2024-10-04 00:00:00 UTC (") for line in lines)
    assert any(line.startswith("ended: 2024-10-04 00:00:00 UTC (") for line in lines)
    refused = builder.save(1)
    refusal = Refusal(RefusalCode.CREDITS_INSUFFICIENT, "2 credits are missing", "recipients[0]")
    builder.store.campaigns.refuse(refused, [refusal], NOW)
    lines = godwit("status", refused).out.splitlines()
    assert "refused: recipients[0]: 2 credits are missing (credits_insufficient)" in lines


def test_the_list_fits_80_columns_of_a_terminal_and_is_never_cut_in_a_pipe(
    builder: StoreBuilder,
) -> None:
    name = "Spring opening hours of all shops in town"
    campaign_id = ended(builder, name=name)
    (view,) = builder.store.campaigns.list()
    screen = io.StringIO()
    terminal = Console(file=screen, width=80, force_terminal=True, color_system=None)
    print_campaigns([view], terminal, view.created_at + 2 * HOUR)
    header, row = screen.getvalue().splitlines()
    assert header.split() == "id status name sent created".split()
    assert len(row) <= 80 and "…" in row
    for cell in (campaign_id, "with failures", "Spring op", "3/4", "2 hours ago"):
        assert cell in row


def test_nothing_is_wrapped_or_cut_in_a_pipe(godwit: CommandLine, builder: StoreBuilder) -> None:
    godwit.environment["COLUMNS"] = "40"
    name = "Spring opening hours of all our shops in town and in the country " * 2
    ended(builder, name=name.strip())
    assert name.strip() in godwit.process("list").out
    for last in range(10):
        godwit("sender", "add", f"+1800555{last:04d}")
    senders = godwit.process("account", "show").out.splitlines()[-1]
    assert senders.startswith("senders: ") and senders.count("+1800555") == 11


def test_an_interrupted_watch_exits_130_and_the_campaign_goes_on(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    campaign_id = builder.admit(2)
    watching = subprocess.Popen(
        [sys.executable, "-m", "starter", "watch", campaign_id],
        env=godwit.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    assert watching.stdout.readline() == "running total=2 queued=2\n"
    watching.send_signal(signal.SIGINT)
    _, errors = watching.communicate(timeout=30)
    assert watching.returncode == 130 and "Traceback" not in errors
    assert builder.claimed(campaign_id) == [0, 1]


# --------------------------------------------------------------------------- reports


def test_the_report_says_what_a_campaign_came_to(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    campaign_id = ended(builder)
    report = godwit("report", campaign_id).json
    assert (report["campaignId"], report["status"]) == (campaign_id, "finished_with_failures")
    assert report["reasons"] == [{"status": "failed", "reason": "invalid_number", "count": 1}]
    assert report["credits"]["held"] == {"sms": 0, "mms": 0}
    assert report["credits"]["posted"] == {"sms": 6, "mms": 0}
    assert report["credits"]["voided"] == {"sms": 2, "mms": 0}
    assert (report["segmentsSent"], report["attempts"]) == (3, 4)


@pytest.mark.parametrize("size", [4, 1_000, 1_001])
def test_the_report_as_csv_has_a_line_per_message(
    godwit: CommandLine, builder: StoreBuilder, size: int
) -> None:
    godwit("account", "credit", "acme", "sms", "10000")
    campaign_id = ended(builder, size)
    file = godwit.directory / "report.csv"
    result = godwit("report", campaign_id, "--csv", str(file))
    assert (result.code, result.out, result.err) == (0, "", f"wrote {file}\n")
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert tuple(rows[0]) == CSV_COLUMNS and len(rows) == size
    assert [int(row["position"]) for row in rows] == list(range(size))
    assert [row["to"] for row in rows] == [number(position) for position in range(size)]
    assert [row["status"] for row in rows] == ["sent"] * (size - 1) + ["failed"]


def test_a_report_that_cannot_be_written_is_said_in_one_line(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    campaign_id = ended(builder)
    missing = godwit.directory / "missing" / "report.csv"
    assert str(missing) in godwit("report", campaign_id, "--csv", str(missing)).fault
    assert "directory" in godwit("report", campaign_id, "--csv", str(godwit.directory)).fault


# --------------------------------------------------------------------------- rehearsing


def test_a_dry_run_of_json_says_the_price_and_stores_nothing(godwit: CommandLine) -> None:
    file = str(EXAMPLES / "campaign.json")
    shown = godwit("send", file, "--dry-run", "--json").json
    assert (shown["dryRun"], shown["admitted"], shown["refusals"]) == (True, True, [])
    assert (shown["total"], shown["toSend"], shown["segments"]) == (4, 4, 4)
    assert shown["credits"] == {"sms": 8, "mms": 0}
    assert godwit("list", "--json").json == []
    assert godwit("account", "show", "--json").json["credits"]["sms"]["held"] == 0


def test_a_dry_run_of_csv_knows_columns_fields_media_and_a_mark_at_the_start(
    godwit: CommandLine,
) -> None:
    godwit("account", "credit", "acme", "mms", "10")
    godwit("sender", "add", "72345")
    lines = (
        "\ufeffto,text,mediaUrl,sender,scheduleDateTime,idempotencyKey,reference,NAME\r\n"
        '+14155551000,"Hi {{NAME}}, it is\nhere",,,,key-1,r-1,Alice\r\n'
        "+14155551001,Hi {{NAME}},https://example.com/a.png,72345,,,,Bob\r\n"
        f"+14155551002,{'a' * 161},,,,,,\r\n"
    )
    preview = godwit("send", godwit.file("people.CSV", lines), "--dry-run", "--json").json
    assert preview["admitted"] is True
    assert (preview["total"], preview["toSend"]) == (3, 3)
    assert preview["credits"] == {"sms": 5, "mms": 1}


def test_a_dry_run_says_why_a_campaign_would_be_refused(godwit: CommandLine) -> None:
    people = [
        {"to": f"+1415555{number:04d}", "text": f"Hi {number}"} for number in range(1000, 1060)
    ]
    preview = godwit(
        "send", godwit.file("a.json", {"recipients": people}), "--dry-run", "--json"
    ).json
    assert preview["admitted"] is False
    assert [refusal["code"] for refusal in preview["refusals"]] == ["credits_insufficient"]


def test_a_dry_run_needs_neither_temporal_nor_a_key(godwit: CommandLine) -> None:
    del godwit.environment["GODWIT_SECRET_KEY"]
    assert godwit("send", str(EXAMPLES / "campaign.json"), "--dry-run", "--json").json["admitted"]


# --------------------------------------------------------------------------- the books


def test_books_in_balance_end_with_0_and_say_what_was_looked_at(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    campaign_id = ended(builder)
    result = godwit("audit")
    assert (result.code, result.err) == (0, "")
    assert result.out == ("checked 1 account, 1 campaign, 4 messages\nthe books are in balance\n")
    assert godwit("audit", campaign_id).code == 0
    expected = {"accounts": 1, "campaigns": 1, "messages": 4, "findings": []}
    assert godwit("audit", "--json").json == expected


def test_books_that_are_off_end_with_1_and_say_where(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    campaign_id, other = ended(builder), ended(builder)
    builder.execute(
        "UPDATE message SET status = 'sent' WHERE campaign_id = :id AND status = 'failed'",
        id=campaign_id,
    )
    result = godwit("audit")
    assert result.code == 1 and "Traceback" not in result.err
    assert f"OFF  what was sent was paid: {campaign_id} sms: expected 8, found 6" in result.out
    assert result.out.endswith("the books do not balance\n")
    assert godwit("audit", campaign_id).code == 1
    assert godwit("audit", other).code == 0
    shown: dict[str, Any] = json.loads(godwit("audit", "--json").out)
    assert {finding["subject"].split()[0] for finding in shown["findings"]} == {campaign_id}
    assert godwit.process("audit").code == 1


def test_a_balance_that_is_off_is_found_in_every_audit(
    godwit: CommandLine, builder: StoreBuilder
) -> None:
    campaign_id = ended(builder)
    builder.execute("UPDATE credit SET available = available + 1, granted = granted + 1")
    for arguments in ((), (campaign_id,), ("--json",)):
        assert godwit("audit", *arguments).code == 1
