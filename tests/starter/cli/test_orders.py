"""``godwit send``, ``pause``, ``resume`` and ``cancel`` as processes beside a real Temporal."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from campaign.settings import Settings
from store.store import Store
from tests.conftest import Served, Story, tell
from tests.starter.cli.conftest import SECRET, CommandLine, ended
from tests.store.builders import StoreBuilder

PATIENCE = 30.0
PEOPLE = "to,text\n+14155551000,Hi Alice\n+14155551001,Hi Bob\n+14155550001,Hi Nobody\n"


@pytest.fixture
async def story(
    godwit: CommandLine, store: Store, real: WorkflowEnvironment, carrier_server: Served
) -> AsyncIterator[Story]:
    """A worker and a carrier behind the database of the command line."""
    settings = Settings(
        database_url=godwit.environment["GODWIT_DATABASE_URL"],
        secret_key=SECRET,  # type: ignore[arg-type]
        receipts_grace_seconds=0.0,
        task_queue=f"commands-{godwit.directory.name}-{id(godwit)}",
    )
    godwit.environment["TEMPORAL_ADDRESS"] = real.client.service_client.config.target_host
    godwit.environment["GODWIT_TASK_QUEUE"] = settings.task_queue
    godwit.environment["GODWIT_RECEIPTS_GRACE_SECONDS"] = "0"
    account = store.accounts.show("acme")
    assert account is not None
    async with tell(real, settings, store, account, carrier_server) as result:
        yield result


async def reaches(godwit: CommandLine, store: Store, campaign_id: str, status: str) -> None:
    """Wait until a campaign is in this state, and see that the command line says so."""
    deadline = time.monotonic() + PATIENCE
    while (view := store.campaigns.get(campaign_id)) is None or view.status != status:
        assert time.monotonic() < deadline, f"it is still {view}"
        await asyncio.sleep(0.05)
    assert godwit("status", campaign_id, "--json").json["status"] == status


async def test_a_csv_file_is_sent_and_followed_to_its_end(
    godwit: CommandLine, story: Story
) -> None:
    result = await godwit.beside("send", godwit.file("people.csv", PEOPLE), "--wait")
    assert result.code == 3 and result.err == ""
    lines = result.out.splitlines()
    assert lines[0].startswith("campaign cmp_") and " is " in lines[0]
    assert lines[-1] == "finished_with_failures total=3 sent=2 failed=1"
    campaign_id = lines[0].split()[1]
    assert [row["to"] for row in story.carrier.log] == ["+14155551000", "+14155551001"]
    report = godwit("report", campaign_id).json
    assert report["reasons"] == [{"status": "failed", "reason": "invalid_number", "count": 1}]
    assert godwit("audit").code == 0


async def test_a_file_with_a_key_is_sent_once_however_often_it_is_given(
    godwit: CommandLine, story: Story
) -> None:
    people = [{"to": "+14155551000", "text": "Hi"}]
    file = godwit.file("once.json", {"recipients": people, "idempotencyKey": "once"})
    first = await godwit.beside("send", file, "--json")
    await reaches(godwit, story.store, first.json["id"], "finished")
    second = await godwit.beside("send", file, "--json", "--wait")
    # One document, after the end.
    assert (second.json["id"], second.json["status"]) == (first.json["id"], "finished")
    assert len(story.carrier.log) == 1


async def test_a_refused_campaign_is_told_with_its_reason(
    godwit: CommandLine, story: Story
) -> None:
    people = [{"to": f"+1415555{number}", "text": "Hi"} for number in range(1_000, 1_060)]
    result = await godwit.beside("send", godwit.file("dear.json", {"recipients": people}), "--wait")
    assert result.fault.endswith("(credits_insufficient)")
    assert story.carrier.log == []


async def test_a_waiting_campaign_is_paused_resumed_and_cancelled(
    godwit: CommandLine, story: Story
) -> None:
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    body = {"recipients": [{"to": "+14155551000", "text": "Hi"}], "scheduleDateTime": later}
    sent = await godwit.beside("send", godwit.file("later.json", body), "--json")
    campaign_id = sent.json["id"]
    assert sent.json["status"] == "scheduled"
    result = await godwit.beside("reschedule", campaign_id, "2001-01-01T00:00")
    assert result.fault.endswith("an hour or more in the past (schedule_invalid)")
    latest = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0)
    assert (await godwit.beside("reschedule", campaign_id, latest.isoformat())).code == 0
    shown = godwit("status", campaign_id, "--json").json["scheduleDateTime"]
    assert datetime.fromisoformat(shown) == latest
    assert (await godwit.beside("reschedule", campaign_id, "--spread-hours", "2")).code == 0
    assert godwit("status", campaign_id, "--json").json["spreadHours"] == 2
    last = latest + timedelta(hours=1)
    both = (last.isoformat(), "--spread-hours", "0.5")
    moved = await godwit.beside("reschedule", campaign_id, *both)
    assert moved.code == 0
    # C18: the instant that was understood, on two clocks.
    assert moved.out.startswith(f"begins {last:%Y-%m-%d %H:%M:%S} UTC, here ")
    status = godwit("status", campaign_id, "--json").json
    assert datetime.fromisoformat(status["scheduleDateTime"]) == last
    assert status["spreadHours"] == 0.5
    steps = [("pause", "paused"), ("resume", "scheduled"), ("cancel", "cancelled")]
    before = "scheduled"
    for order, after in steps:
        result = await godwit.beside(order, campaign_id)
        assert (result.code, result.err) == (0, "")
        assert result.out == f"requested; the campaign was {before}\n"
        await reaches(godwit, story.store, campaign_id, after)
        before = after
    assert (await godwit.beside("resume", campaign_id)).fault == (
        "the campaign has ended: cancelled"
    )
    assert godwit("account", "show", "--json").json["credits"]["sms"]["available"] == 100
    assert story.carrier.log == []
    assert godwit("audit").code == 0


async def test_a_reschedule_says_what_is_missing_and_everything_that_is_wrong(
    godwit: CommandLine, story: Story
) -> None:
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    people = [{"to": f"+1415555100{digit}", "text": "Hi"} for digit in range(2)]
    body = {"recipients": people, "scheduleDateTime": later, "spreadHours": 1}
    sent = await godwit.beside("send", godwit.file("later.json", body), "--json")
    campaign_id = sent.json["id"]
    assert godwit("reschedule", campaign_id).fault == "give START, --spread-hours or both"
    for hours in ("336.5", "-1", "nan"):
        result = await godwit.beside("reschedule", campaign_id, "--spread-hours", hours)
        assert result.fault == "spreadHours: must be from 0 to 336 hours (spread_invalid)"
    result = await godwit.beside(
        "reschedule", campaign_id, "2001-01-01T00:00Z", "--spread-hours", "999"
    )
    assert result.code == 1
    assert [line.split(": ")[1] for line in result.err.splitlines()] == [
        "scheduleDateTime",
        "spreadHours",
    ]
    assert "Invalid value" in godwit("reschedule", campaign_id, "--spread-hours", "some").err
    assert godwit("reschedule", "cmp_nothing", "--spread-hours", "1").fault == (
        "there is no campaign 'cmp_nothing'"
    )
    assert godwit("status", campaign_id, "--json").json == sent.json
    assert (await godwit.beside("cancel", campaign_id)).code == 0
    await reaches(godwit, story.store, campaign_id, "cancelled")
    result = await godwit.beside("reschedule", campaign_id, "--spread-hours", "1")
    assert result.fault == "the campaign has ended: cancelled"
    help = godwit("reschedule", "--help").out
    assert "--spread-hours" in help and "a schedule of their own" in help


async def test_what_failed_for_a_passing_reason_is_retried_and_all_else_is_said(
    godwit: CommandLine, story: Story
) -> None:
    address = godwit.environment["TEMPORAL_ADDRESS"]
    godwit.environment["TEMPORAL_ADDRESS"] = "127.0.0.1:1"
    builder = StoreBuilder(story.store, story.account.id)
    campaign_id = ended(builder, 3)
    nothing = await godwit.beside("retry", campaign_id)
    assert nothing.fault == "no message failed for a reason that may pass"
    for words, fault in (
        (("--reason", "never_heard_of"), "reasons[0]: is no reason"),
        (("--country", "fr", "--carrier", "pretend"), "no failed message matches"),
    ):
        result = await godwit.beside("retry", campaign_id, *words)
        assert (result.code, result.fault.startswith(fault)) == (1, True), result.err
    builder.execute("UPDATE message SET reason = 'unavailable' WHERE status = 'failed'")
    # The retry is in the store, and begins when Temporal is back.
    result = await godwit.beside("retry", campaign_id, "--reason", "unavailable")
    assert (result.code, result.out) == (0, "1 message is sent again\n")
    godwit.environment["TEMPORAL_ADDRESS"] = address
    result = await godwit.beside("retry", campaign_id)
    assert (result.code, result.out) == (0, "requested; the campaign was running\n")
    await reaches(godwit, story.store, campaign_id, "finished")
    assert len(story.carrier.log) == 1
    assert godwit("audit").code == 0
    assert "opted out" in godwit("retry", "--help").out
    assert godwit("retry", "cmp_nothing").fault == "there is no campaign 'cmp_nothing'"
