"""Whatever is done, and whatever of it is rolled back, counts equal a scan of the messages."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from campaign.handoffs import Receipt
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from store.database.engine import Database
from store.database.migrate import upgrade
from store.store import Store
from tests.store.builders import NOW, StoreBuilder, number, outcome

SIZE = 6
STATUSES = [
    MessageStatus.SENT,
    MessageStatus.FAILED,
    MessageStatus.RETRYABLE,
    MessageStatus.UNKNOWN,
    MessageStatus.SKIPPED,
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "write", "receive", "erase", "opt out", "cancel", "retry"]),
        st.integers(0, SIZE - 1),
        st.sampled_from(STATUSES),
        st.booleans(),
    ),
    max_size=20,
)


class Crash(Exception):
    """What a process dies of before its transaction is committed."""


@contextmanager
def crashing(database: Database) -> Iterator[None]:
    """Every write of the block is undone at its end, as by a death."""
    write = database.write

    def die(work: Callable[[Connection], Any]) -> Any:
        def undone(connection: Connection) -> None:
            work(connection)
            raise Crash

        return write(undone)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database, "write", die)
        try:
            yield
        except Crash:
            pass


def compare(store: Store, campaign: str) -> None:
    """Compare every count of a campaign with its messages."""
    rows = store.database.read(
        lambda connection: connection.execute(
            text(
                "SELECT status, COALESCE(reason, error) AS why FROM message WHERE campaign_id = :id"
            ),
            {"id": campaign},
        ).all()
    )
    states = Counter(row.status for row in rows)
    tally = asdict(store.campaigns.tally(campaign))
    assert tally.pop("total") == len(rows)
    assert {state: count for state, count in tally.items() if count} == dict(states)
    reasons = Counter((row.status, row.why) for row in rows if row.why)
    assert dict(store.campaigns.report(campaign).reasons) == dict(reasons)
    assert [one for one in audit(store.database, campaign).findings if "count" in one.check] == []


def take(builder: StoreBuilder, campaign: str, verb: str, at: int, status: MessageStatus) -> None:
    """Take one step, which may change nothing."""
    store = builder.store
    if verb == "claim":
        builder.flush_and_claim(campaign, low=at, high=at + 3)
    elif verb == "write":
        code = None if status is MessageStatus.SENT else f"code {at % 2}"
        due_at = NOW if status is MessageStatus.RETRYABLE else None
        builder.write(campaign, outcome(at, status, code=code, due_at=due_at))
    elif verb == "receive":
        arrived = status in (MessageStatus.SENT, MessageStatus.FAILED)
        final = MessageStatus.DELIVERED if arrived else MessageStatus.UNDELIVERED
        store.receipts.apply([Receipt(f"{campaign}-{at}", final, NOW, carrier="")], NOW)
    elif verb == "erase":
        store.eraser.erase(builder.account_id, number(at), NOW)
    elif verb == "opt out":
        store.opt_outs.add(builder.account_id, number(at), "api", NOW)
        store.admissions.skip_opted_out(campaign, NOW)
    elif verb == "cancel":
        store.campaigns.cancel_rest(campaign, NOW)
    else:
        store.admissions.settle(campaign, CampaignStatus.FINISHED_WITH_FAILURES, NOW)
        store.retrying.retry(campaign, NOW)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_counts_equal_a_scan_after_every_step_and_every_crash(
    builder: StoreBuilder, steps: list[tuple[str, int, MessageStatus, bool]]
) -> None:
    campaign = builder.admit(SIZE)
    for verb, at, status, dies in steps:
        if dies:
            with crashing(builder.store.database):
                take(builder, campaign, verb, at, status)
        else:
            take(builder, campaign, verb, at, status)
        compare(builder.store, campaign)


def test_messages_that_are_removed_are_counted_no_more(builder: StoreBuilder) -> None:
    campaign = builder.admit(3)
    builder.flush_and_claim(campaign)
    builder.write(campaign, outcome(0, MessageStatus.FAILED, code="refused"))
    builder.execute("DELETE FROM attempt WHERE position = 0")
    builder.execute("DELETE FROM message WHERE position = 0")
    builder.execute("UPDATE campaign SET total = 2")
    compare(builder.store, campaign)


def test_the_messages_of_an_older_version_are_counted(any_url: str) -> None:
    database = Database(any_url)
    upgrade(database, "0025")
    for statement in (
        "INSERT INTO account (id, name, property_sid, created_at, active, strict_uniform, "
        "strict_keys, auto_key) VALUES ('a', 'a', 'p', 0, TRUE, FALSE, FALSE, 'random')",
        *(
            "INSERT INTO campaign (id, account_id, dialect, status, total, created_at, "
            "spread_hours, base_at, payload_hash, exclude_opt_outs, unknown_policy, "
            f"pauses_applied) VALUES ('{id}', 'a', 'native', 'running', {total}, 0, 0, 0, '', "
            "TRUE, 'hold', 0)"
            # The first has more than one step of the migration counts.
            for id, total in (("c1", 100_000), ("c2", 3))
        ),
        *(
            "INSERT INTO message (campaign_id, position, id, recipient, text, sender, kind, "
            "segments, status, reason, attempts, due_at, was_unknown) VALUES "
            f"('{id}', {position}, '{id}-{position}', '+14155550100', '', '+18005559876', 'sms', "
            f"1, '{status}', {reason}, 0, 0, FALSE)"
            for id in ("c1", "c2")
            for position, (status, reason) in enumerate(
                [("queued", "NULL"), ("failed", "'refused'"), ("delivered", "NULL")]
            )
        ),
    ):
        database.write(lambda connection, sql=statement: connection.execute(text(sql)))  # type: ignore[misc]
    upgrade(database)
    kept = text("SELECT campaign_id, status, reason, messages FROM message_count ORDER BY 1, 2")
    rows = database.read(lambda connection: connection.execute(kept).all())
    assert [tuple(row) for row in rows] == [
        (id, status, reason, 1)
        for id in ("c1", "c2")
        for status, reason in (("delivered", ""), ("failed", "refused"))
    ]
    database.close()
