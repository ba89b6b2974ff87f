"""The audit says nothing of sound books, and names whatever is off."""

from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, text

from campaign.credits import MessageKind
from campaign.handoffs import Receipt
from campaign.instants import SECOND
from campaign.refusals import Refusal, RefusalCode
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import CHECKS, Finding, audit
from store.store import Store
from tests.store.builders import NOW, StoreBuilder, number, outcome


@dataclass(frozen=True)
class Town:
    """Books in which something of everything has happened."""

    builder: StoreBuilder
    ended: str
    running: str

    def findings(self, campaign: str | None = None) -> tuple[Finding, ...]:
        return audit(self.builder.store.database, campaign).findings


@pytest.fixture
def town(builder: StoreBuilder) -> Town:
    store = builder.store
    ended = builder.admit(8, key="batch:1", keys=["k:0", "k:1", "k:2", "k:3", "k:0"])
    store.opt_outs.add(builder.account_id, number(7), "inbound", NOW)
    builder.flush_and_claim(ended)
    builder.write(
        ended,
        outcome(0),
        outcome(1),
        outcome(2, MessageStatus.FAILED, code="invalid_number"),
        outcome(3, MessageStatus.UNKNOWN, code="timeout"),
        outcome(5),
        outcome(6, MessageStatus.RETRYABLE, due_at=NOW + SECOND),
    )
    store.receipts.apply([Receipt(f"{ended}-1", MessageStatus.DELIVERED, NOW)])
    store.receipts.apply([Receipt(f"{ended}-5", MessageStatus.UNDELIVERED, NOW)])
    store.campaigns.cancel_rest(ended, NOW)
    store.admissions.settle(ended, CampaignStatus.CANCELLED, NOW)
    running = builder.admit(6, key="batch:2", keys=["r:0", "r:1"], kind=MessageKind.MMS)
    builder.claimed(running, claim=3)
    builder.write(running, outcome(0))
    refused = builder.save(2, key="batch:3")
    refusal = Refusal(RefusalCode.SENDER_NOT_OWNED, "not yours")
    store.campaigns.refuse(refused, [refusal], NOW)
    builder.save(2, key="batch:4")
    return Town(builder, ended, running)


def test_an_empty_store_has_no_findings(any_store: Store) -> None:
    report = audit(any_store.database)
    assert (report.accounts, report.campaigns, report.messages) == (0, 0, 0)
    assert report.findings == ()


def test_sound_books_have_no_findings(town: Town) -> None:
    # The fixture is worth its name: every state is there.
    counted = town.builder.value("SELECT count(DISTINCT status) FROM message")
    assert counted == len(MessageStatus) - 1  # All but retryable, which only waits.
    report = audit(town.builder.store.database)
    assert report.findings == ()
    assert (report.accounts, report.campaigns, report.messages) == (1, 4, 18)
    scoped = audit(town.builder.store.database, town.ended)
    assert scoped.findings == ()
    assert (scoped.campaigns, scoped.messages) == (1, 8)


@dataclass(frozen=True)
class Break:
    """One way to break the books, and what the check must say: about whom, and the numbers.

    ``account``, ``ended`` and ``running`` in ``subject`` stand for their ids.
    """

    check: str
    statement: str
    subject: str
    expected: str
    found: str


BREAKS = [
    Break(
        "a balance adds up",
        "UPDATE credit SET available = available + 1 WHERE kind = 'sms'",
        "account sms",
        "100000",
        "100001",
    ),
    Break(
        "grants are entries",
        "UPDATE ledger_entry SET amount = amount - 1 WHERE movement = 'grant' AND kind = 'mms'",
        "account mms",
        "99999",
        "100000",
    ),
    Break(
        "what is posted is entries",
        "DELETE FROM ledger_entry WHERE movement = 'post' AND kind = 'mms'",
        "account mms",
        "0",
        "1",
    ),
    Break(
        "what is held is entries",
        "UPDATE ledger_entry SET amount = amount + 5 WHERE movement = 'hold' AND kind = 'mms'",
        "account mms",
        "10",
        "5",
    ),
    Break(
        "a hold is its entries",
        "UPDATE hold SET amount = amount + 1 WHERE kind = 'mms' AND amount > 0",
        "running mms",
        "6/1/0",
        "7/1/0",
    ),
    Break(
        "what was sent was paid",
        "UPDATE message SET status = 'sent' WHERE status = 'failed'",
        "ended sms",
        "8",
        "6",
    ),
    Break(
        "an ended campaign holds only for what is open",
        "UPDATE message SET status = 'failed' WHERE status = 'unknown'",
        "ended sms",
        "0",
        "2",
    ),
    Break(
        "a sandbox has its own carrier",
        "UPDATE attempt SET carrier = 'sandbox' WHERE ended_at IS NULL AND position = 1",
        "running #1",
        "a real carrier",
        "sandbox",
    ),
    Break(
        "every recipient has a message",
        "DELETE FROM message WHERE status = 'failed'",
        "ended",
        "8",
        "7",
    ),
    Break(
        "every message is in a known state",
        "UPDATE message SET status = 'lost' WHERE status = 'failed'",
        "ended #2",
        "a known state",
        "lost",
    ),
    Break(
        "a count is its messages",
        "UPDATE message_count SET messages = messages + 1 WHERE status = 'failed'",
        "ended failed invalid_number",
        "1",
        "2",
    ),
    Break(
        "an ended campaign leaves nothing waiting",
        "UPDATE message SET status = 'queued' WHERE status = 'failed'",
        "ended #2",
        "an end",
        "queued",
    ),
    Break(
        "a spent key belongs to a message that was sent",
        "UPDATE message SET status = 'failed' WHERE status = 'delivered'",
        "ended #1",
        "sent",
        "failed",
    ),
    Break(
        "a claimed key belongs to a message under way",
        "UPDATE message SET status = 'failed' WHERE status = 'sending' AND key IS NOT NULL",
        "running #1",
        "sending or unknown",
        "failed",
    ),
    Break(
        "a campaign's key ends with it",
        "UPDATE campaign_key SET free_at = NULL",
        "ended",
        "spent or free",
        "held",
    ),
]


def test_every_check_is_broken_below() -> None:
    assert [broken.check for broken in BREAKS] == list(CHECKS)


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: broken.check)
def test_each_check_reports_what_breaks_it(town: Town, broken: Break) -> None:
    _force(town.builder, broken.statement)
    subject = broken.subject
    names = {"account": town.builder.account_id, "ended": town.ended, "running": town.running}
    for name, value in names.items():
        subject = subject.replace(name, value)
    finding = Finding(broken.check, subject, broken.expected, broken.found)
    assert finding in town.findings()
    assert [one.check for one in town.findings()].count(broken.check) == 1


@pytest.mark.parametrize(
    "broken", [one for one in BREAKS if "account" not in one.subject], ids=lambda one: one.check
)
def test_an_audit_of_one_campaign_leaves_the_others_out(town: Town, broken: Break) -> None:
    _force(town.builder, broken.statement)
    sick, sound = town.ended, town.running
    if broken.subject.startswith("running"):
        sick, sound = sound, sick
    assert broken.check in {one.check for one in town.findings(sick)}
    assert broken.check not in {one.check for one in town.findings(sound)}


def test_findings_name_no_person(town: Town) -> None:
    town.builder.execute("UPDATE message SET status = 'lost'")
    shown = repr(town.findings())
    assert "+1415" not in shown
    assert "shipped" not in shown


def _force(builder: StoreBuilder, statement: str) -> None:
    """Run a statement that the database's own checks may forbid."""
    database = builder.store.database

    def run(connection: Connection) -> None:
        if not database.is_sqlite:
            connection.execute(text("ALTER TABLE credit DROP CONSTRAINT credit_adds_up"))
        assert connection.execute(text(statement)).rowcount

    if not database.is_sqlite:
        database.write(run)
        return
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        connection.rollback()
        with connection.begin():
            run(connection)
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")
