"""Messages are kept for as long as the operator says; their campaigns stay, and so do the books."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from campaign.handoffs import Inbound, Receipt
from campaign.instants import DAY, SECOND
from campaign.report import Report
from campaign.states import CampaignStatus, MessageStatus
from campaign.views import CampaignView
from store.campaigns.audit import audit
from store.campaigns.retry import Retried
from store.database.engine import Database
from store.store import Store
from tests.store.builders import NOW, StoreBuilder, number, outcome
from tests.store.racing import race

OLD = NOW - 10 * DAY
BEFORE = NOW - 5 * DAY
GONE = ("message", "attempt", "link", "link_click", "reply_option", "recipient_key")
SENT, FAILED, UNKNOWN = MessageStatus.SENT, MessageStatus.FAILED, MessageStatus.UNKNOWN
END = CampaignStatus.FINISHED_WITH_FAILURES


class Died(Exception):
    """What a process dies of before its transaction is committed."""


def ended(builder: StoreBuilder, *statuses: MessageStatus, at: int = OLD, **members: Any) -> str:
    """A campaign whose messages have these states, and which ended at an instant; its id."""
    campaign = builder.admit(len(statuses), now=at, **members)
    builder.claimed(campaign, now=at)
    for position, status in enumerate(statuses):
        code = None if status is SENT else "http_503"
        builder.write(campaign, outcome(position, status, at=at + position, code=code))
    builder.store.admissions.settle(campaign, END, at + SECOND)
    return campaign


def with_link(builder: StoreBuilder, campaign: str, clicks: int) -> None:
    """Give the first message a short link that was opened so often, and once by a program."""
    builder.execute(
        "INSERT INTO link (code, campaign_id, message_id, url, clicks, created_at) "
        "VALUES (:code, :campaign, :message, 'https://example.com', 0, :at)",
        code=f"code-{campaign}",
        campaign=campaign,
        message=f"{campaign}-0",
        at=OLD,
    )
    for _ in range(clicks):
        assert builder.store.links.click(f"code-{campaign}", OLD)
    assert builder.store.links.click(f"code-{campaign}", OLD, preview=True)


def remove(store: Store, limit: int = 2, before: int = BEFORE) -> int:
    """Remove messages until there are none left to remove; how many steps that took."""
    steps = 0
    while store.removal.remove(before, NOW, limit):
        steps += 1
    return steps


def rows(builder: StoreBuilder, table: str, campaign: str) -> object:
    """How many rows of a campaign a table has."""
    where = "campaign_id = :campaign"
    if table == "reply_option":
        where = "message_id LIKE :campaign || '-%'"
    return builder.value(f"SELECT count(*) FROM {table} WHERE {where}", campaign=campaign)


def shown(store: Store, campaign: str) -> tuple[CampaignView, Report]:
    """What stays of a campaign: all that is shown of it, except that its messages are gone."""
    view = store.campaigns.get(campaign)
    assert view is not None
    return replace(view, messages_removed_at=None), store.campaigns.report(campaign)


@contextmanager
def dying(database: Database, at: int) -> Iterator[None]:
    """Every write of the block ends with the death of its process before statement ``at``."""
    write = database.write

    def die(work: Any) -> Any:
        def undone(connection: Connection) -> None:
            execute, done = connection.execute, 0

            def count(*values: Any, **more: Any) -> Any:
                nonlocal done
                done += 1
                if done > at:
                    raise Died
                return execute(*values, **more)

            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(connection, "execute", count)
                work(connection)
            raise Died

        return write(undone)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database, "write", die)
        yield


def test_messages_of_campaigns_that_ended_long_ago_go_and_all_that_is_shown_of_these_stays(
    builder: StoreBuilder, any_store: Store
) -> None:
    old = ended(builder, SENT, SENT, FAILED, SENT, FAILED, keys=["key:0"])
    new = ended(builder, SENT, at=NOW - DAY)
    running = builder.admit(2)
    with_link(builder, old, clicks=3)
    before = {campaign: shown(any_store, campaign) for campaign in (old, new)}
    money = builder.money()
    assert remove(any_store, limit=2) == 3
    assert remove(any_store, limit=2) == 0
    assert {table: rows(builder, table, old) for table in GONE} == dict.fromkeys(GONE, 0)
    assert {campaign: shown(any_store, campaign) for campaign in before} == before
    assert before[old][0].clicks.total == 3 and before[old][0].clicks.previews == 1
    assert builder.money() == money
    view = any_store.campaigns.get(old)
    assert view is not None and view.messages_removed_at == NOW
    assert any_store.campaigns.messages(old) == []
    assert any_store.links.find(f"code-{old}") is None
    assert not any_store.links.click(f"code-{old}", NOW)
    assert len(any_store.campaigns.messages(new)) == 1
    assert builder.claimed(running) == [0, 1]
    assert audit(any_store.database).findings == ()


def test_a_report_and_the_books_are_whole_after_every_step(
    builder: StoreBuilder, any_store: Store
) -> None:
    campaign = ended(builder, SENT, FAILED, SENT, SENT, FAILED)
    with_link(builder, campaign, clicks=1)
    before = shown(any_store, campaign)
    while any_store.removal.remove(BEFORE, NOW, 1):
        assert shown(any_store, campaign) == before
        assert audit(any_store.database, campaign).findings == ()
    assert rows(builder, "message", campaign) == 0


@pytest.mark.parametrize("at", range(16))
def test_a_process_that_dies_within_a_step_leaves_what_was(
    builder: StoreBuilder, any_store: Store, at: int
) -> None:
    campaign = ended(builder, SENT, FAILED, SENT)
    assert any_store.removal.remove(BEFORE, NOW, 1)
    before = shown(any_store, campaign)
    with dying(any_store.database, at), pytest.raises(Died):
        any_store.removal.remove(BEFORE, NOW, 1)
    assert shown(any_store, campaign) == before
    assert rows(builder, "message", campaign) == 2
    assert audit(any_store.database).findings == ()
    assert remove(any_store, limit=1) == 3
    assert shown(any_store, campaign) == before


def test_several_processes_remove_each_message_once(
    builder: StoreBuilder, any_store: Store, rival_store: Store
) -> None:
    campaigns = [ended(builder, SENT, FAILED, SENT) for _ in range(6)]
    before = [shown(any_store, campaign) for campaign in campaigns]
    race(4, lambda runner: remove(rival_store if runner % 2 else any_store, limit=2))
    assert [shown(any_store, campaign) for campaign in campaigns] == before
    assert builder.value("SELECT count(*) FROM message") == 0
    assert builder.value("SELECT sum(messages) FROM removed_message") == 18
    assert audit(any_store.database).findings == ()


def test_a_process_that_was_frozen_removes_nothing_that_came_since(
    builder: StoreBuilder, any_store: Store
) -> None:
    old = ended(builder, SENT)
    frozen_before, frozen_now = BEFORE, NOW
    assert remove(any_store) == 1
    late = ended(builder, SENT, at=NOW)
    assert not any_store.removal.remove(frozen_before, frozen_now, 10)
    assert rows(builder, "message", late) == 1 and rows(builder, "message", old) == 0


def test_a_campaign_with_a_message_in_doubt_keeps_all_until_that_is_settled(
    builder: StoreBuilder, any_store: Store
) -> None:
    campaign = ended(builder, SENT, UNKNOWN)
    other = ended(builder, SENT)
    assert remove(any_store) == 1
    assert (rows(builder, "message", campaign), rows(builder, "message", other)) == (2, 0)
    any_store.resolving.resolve(campaign, f"{campaign}-1", True, NOW)
    assert remove(any_store) == 2
    assert rows(builder, "message", campaign) == 0
    assert builder.money()[1:] == (0, 6)
    assert audit(any_store.database).findings == ()


def test_a_key_that_is_still_spent_outlives_its_message(
    builder: StoreBuilder, any_store: Store
) -> None:
    campaign = ended(builder, SENT, keys=["key:0"])
    builder.execute("UPDATE recipient_key SET free_at = :at", at=NOW + DAY)
    assert remove(any_store) == 1
    assert audit(any_store.database).findings == ()
    again = builder.admit(1, keys=["key:0"])
    assert builder.claimed(again) == []
    story = any_store.attempts.stories(again, number(0))[0]
    assert story.key_holder == f"{campaign}-0"


def test_nothing_is_removed_while_keys_may_be_spent(
    builder: StoreBuilder, any_store: Store
) -> None:
    ended(builder, SENT, at=NOW - DAY)
    assert remove(any_store, before=NOW) == 0
    assert any_store.removal.remove(NOW + 2 * DAY, NOW + 2 * DAY, 10)


def test_a_campaign_whose_messages_go_is_not_retried(
    builder: StoreBuilder, any_store: Store
) -> None:
    campaign = ended(builder, FAILED, FAILED)
    assert any_store.removal.remove(BEFORE, NOW, 1)
    assert any_store.retrying.retry(campaign, NOW).result is Retried.NOTHING
    assert remove(any_store) == 1
    assert any_store.retrying.retry(campaign, NOW).result is Retried.NOTHING


def test_a_retry_comes_before_a_removal_or_after_it(
    builder: StoreBuilder, any_store: Store, rival_store: Store
) -> None:
    campaigns = [ended(builder, FAILED, FAILED) for _ in range(8)]

    def run(runner: int) -> object:
        if runner:
            return remove(rival_store, limit=1)
        return [any_store.retrying.retry(one, NOW).result for one in campaigns]

    results = race(2, run)[0]
    assert isinstance(results, list)
    for campaign, result in zip(campaigns, results, strict=True):
        left = 2 if result is Retried.AGAIN else 0
        assert rows(builder, "message", campaign) == left
    assert audit(any_store.database).findings == ()


def test_late_receipts_and_replies_change_nothing(builder: StoreBuilder, any_store: Store) -> None:
    campaign = ended(builder, SENT, SENT)
    remove(any_store)
    before = shown(any_store, campaign)
    late = [Receipt(f"{campaign}-0", MessageStatus.DELIVERED, NOW)]
    assert any_store.receipts.apply(late) == 0
    taken = any_store.inbound.take(Inbound(number(0), "+18005559876", "Hi", NOW), "pretend", NOW)
    assert [one.campaign_id for one in taken.messages] == [None]
    assert shown(any_store, campaign) == before
    assert audit(any_store.database).findings == ()


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("DELETE FROM message", "every recipient has a message"),
        ("UPDATE removed_message SET messages = messages - 1", "every recipient has a message"),
        ("UPDATE message_count SET messages = messages + 1", "a count is its messages"),
        ("UPDATE removed_message SET credits_sms = credits_sms + 1", "what was sent was paid"),
        ("UPDATE hold SET posted = posted - 1 WHERE kind = 'sms'", "what was sent was paid"),
    ],
)
def test_an_audit_still_finds_what_is_off(
    builder: StoreBuilder, any_store: Store, change: str, check: str
) -> None:
    campaign = ended(builder, SENT, SENT, SENT)
    assert any_store.removal.remove(BEFORE, NOW, 2)
    assert audit(any_store.database).findings == ()
    builder.execute(
        f"{change}{' AND' if 'WHERE' in change else ' WHERE'} campaign_id = :campaign",
        campaign=campaign,
    )
    assert check in {finding.check for finding in audit(any_store.database).findings}


def test_texts_of_a_campaign_without_messages_are_removed_already(
    builder: StoreBuilder, any_store: Store
) -> None:
    ended(builder, SENT)
    remove(any_store)
    assert not any_store.retention.remove_texts(BEFORE, NOW, 10)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["remove", "die", "receive", "settle", "retry", "erase"]),
        st.integers(0, 3),
        st.integers(1, 3),
    ),
    max_size=12,
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_whatever_happens_in_between_the_books_balance(
    builder: StoreBuilder, any_store: Store, steps: list[tuple[str, int, int]]
) -> None:
    campaign = ended(builder, SENT, FAILED, UNKNOWN, SENT)
    for what, position, limit in steps:
        if what == "remove":
            any_store.removal.remove(BEFORE, NOW, limit)
        elif what == "die":
            with dying(any_store.database, 4 * limit), pytest.raises(Died):
                any_store.removal.remove(BEFORE, NOW, limit)
        elif what == "receive":
            receipt = Receipt(f"{campaign}-{position}", MessageStatus.DELIVERED, NOW)
            any_store.receipts.apply([receipt])
        elif what == "settle":
            any_store.resolving.resolve(campaign, f"{campaign}-2", bool(position % 2), NOW)
        elif what == "retry":
            any_store.retrying.retry(campaign, NOW)
        else:
            any_store.eraser.erase(builder.account_id, number(position), NOW)
        assert audit(any_store.database).findings == ()
        view = any_store.campaigns.get(campaign)
        assert view is not None and view.tally.total == 4
    builder.execute("UPDATE campaign SET messages_kept = FALSE")
