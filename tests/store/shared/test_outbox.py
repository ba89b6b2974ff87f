"""News is written with what it tells of, for those who listen, and once."""

import itertools
from collections.abc import Sequence

import pytest

from campaign.events import Destination, EndpointMethod, Event, EventEndpoint, destination_of
from campaign.handoffs import Receipt
from campaign.instants import SECOND
from campaign.states import CampaignStatus, MessageStatus
from store.store import Store
from tests.store.builders import NOW, StoreBuilder, outcome
from tests.store.racing import race

LATER = NOW + 3 * SECOND
URL = "https://news.example/in?run=7"


def subscribe(builder: StoreBuilder, *events: str, dialect: str = "native") -> str:
    """A webhook of the account; its id."""
    view, _ = builder.store.endpoints.add(
        builder.account_id, "https://hooks.example/", events or ("*",), dialect, NOW
    )
    return view.id


def result(builder: StoreBuilder) -> list[tuple[str, str, str]]:
    """What is in the outbox: destination, event, and the message or campaign it is about."""
    with builder.store.database.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT destination, event, COALESCE(message_id, campaign_id) FROM callback"
        )
        return sorted((row[0], row[1], row[2]) for row in rows)


def test_an_account_that_does_not_listen_is_told_nothing(builder: StoreBuilder) -> None:
    campaign = builder.admit(3)
    builder.send(campaign)
    builder.store.receipts.apply([Receipt(f"{campaign}-0", MessageStatus.DELIVERED, LATER)])
    builder.store.admissions.settle(campaign, CampaignStatus.FINISHED, LATER)
    assert result(builder) == []


def test_every_outcome_that_is_news_is_told(builder: StoreBuilder) -> None:
    webhook = subscribe(builder)
    campaign = builder.admit(5)
    builder.flush_and_claim(campaign)
    builder.write(
        campaign,
        outcome(0),
        outcome(1, MessageStatus.FAILED, code="invalid_number"),
        outcome(2, MessageStatus.UNKNOWN),
        outcome(3, MessageStatus.RETRYABLE, due_at=LATER),
    )
    assert result(builder) == [
        (webhook, "message.failed", f"{campaign}-1"),
        (webhook, "message.sent", f"{campaign}-0"),
        (webhook, "message.unknown", f"{campaign}-2"),
    ]


def test_receipts_are_told_once_however_often_they_come(builder: StoreBuilder) -> None:
    webhook = subscribe(builder, "message.delivered", "message.undelivered")
    campaign = builder.admit(3)
    builder.send(campaign)
    builder.flush_and_claim(builder.admit(1))
    good = Receipt(f"{campaign}-0", MessageStatus.DELIVERED, LATER)
    bad = Receipt(f"{campaign}-1", MessageStatus.UNDELIVERED, LATER)
    for _ in range(2):
        builder.store.receipts.apply([good, bad, good], LATER)
    assert result(builder) == [
        (webhook, "message.delivered", f"{campaign}-0"),
        (webhook, "message.undelivered", f"{campaign}-1"),
    ]


def test_a_receipt_that_proves_a_handoff_is_told_too(builder: StoreBuilder) -> None:
    webhook = subscribe(builder)
    campaign = builder.admit(1)
    builder.flush_and_claim(campaign)
    builder.store.receipts.apply([Receipt(f"{campaign}-0", MessageStatus.DELIVERED, LATER)])
    builder.write(campaign, outcome(0))
    assert result(builder) == [(webhook, "message.delivered", f"{campaign}-0")]


def test_the_end_of_a_campaign_is_told_once(builder: StoreBuilder) -> None:
    webhook = subscribe(builder, "campaign.*")
    campaign = builder.admit(2)
    builder.send(campaign)
    for _ in range(2):
        builder.store.admissions.settle(campaign, CampaignStatus.FINISHED_WITH_FAILURES, LATER)
    assert result(builder) == [(webhook, Event.CAMPAIGN_FINISHED_WITH_FAILURES, campaign)]


def test_messages_that_failed_at_birth_are_told_when_their_campaign_is_admitted(
    builder: StoreBuilder,
) -> None:
    webhook = subscribe(builder)
    composed = builder.composed(3, prefix="cmp_born")
    composed.messages[1].status = MessageStatus.FAILED
    builder.store.campaigns.save(composed, "cmp_born")
    assert result(builder) == []
    for status in (CampaignStatus.SCHEDULED, CampaignStatus.PAUSED, CampaignStatus.SCHEDULED):
        builder.store.campaigns.set_status("cmp_born", status, NOW)
    assert result(builder) == [(webhook, "message.failed", "cmp_born-1")]


def test_a_message_with_an_address_is_told_there_without_any_webhook(builder: StoreBuilder) -> None:
    campaign = builder.save(2, endpoint=EventEndpoint(URL, EndpointMethod.GET))
    builder.execute(
        "UPDATE message SET callback_url = :url, callback_method = 'GET' WHERE position = 0",
        url=URL,
    )
    builder.store.admissions.hold(campaign, NOW)
    builder.store.campaigns.set_status(campaign, CampaignStatus.SCHEDULED, NOW)
    builder.send(campaign)
    address = destination_of(builder.account_id, URL)
    assert result(builder) == [(address, "message.sent", f"{campaign}-0")]


def test_an_address_stands_in_for_the_webhooks_of_its_own_dialect_only(
    builder: StoreBuilder,
) -> None:
    native, same, other = (
        subscribe(builder, dialect=dialect) for dialect in ("native", "semaphore", "heliograph")
    )
    campaign = builder.admit(2)
    builder.execute("UPDATE campaign SET dialect = 'semaphore'")
    builder.execute("UPDATE message SET callback_url = :url WHERE position = 0", url=URL)
    builder.send(campaign)
    address = destination_of(builder.account_id, URL)
    assert result(builder) == sorted(
        [
            (native, "message.sent", f"{campaign}-0"),
            (address, "message.sent", f"{campaign}-0"),
            (native, "message.sent", f"{campaign}-1"),
            (same, "message.sent", f"{campaign}-1"),
        ]
    )
    assert other not in {destination for destination, _, _ in result(builder)}


def test_a_disabled_webhook_and_another_accounts_are_told_nothing(builder: StoreBuilder) -> None:
    subscribe(builder)
    builder.execute("UPDATE webhook SET disabled_at = 1")
    other = builder.store.accounts.create("other", 0)[0]
    builder.store.endpoints.add(other.id, "https://hooks.example/", ["*"], "native", NOW)
    campaign = builder.admit(1)
    builder.send(campaign)
    builder.store.receipts.apply([Receipt(f"{campaign}-0", MessageStatus.DELIVERED, LATER)])
    assert result(builder) == []


def test_a_transaction_that_fails_tells_nothing_and_rings_for_nobody(builder: StoreBuilder) -> None:
    subscribe(builder)
    notified: list[Sequence[Destination]] = []
    builder.store.outbox.on_commit = notified.append
    campaign = builder.admit(2)
    builder.flush_and_claim(campaign)
    builder.execute("UPDATE hold SET amount = 0")
    with pytest.raises(Exception, match="hold|constraint|CHECK"):
        builder.write(campaign, outcome(0))
    assert (result(builder), notified) == ([], [])


def test_the_bell_rings_after_the_commit_and_names_whom_to_wake(builder: StoreBuilder) -> None:
    webhook = subscribe(builder)
    notified: list[Destination] = []

    def notify(destinations: Sequence[Destination]) -> None:
        assert result(builder) != []
        notified.extend(destinations)

    builder.store.outbox.on_commit = notify
    campaign = builder.admit(2)
    builder.send(campaign)
    assert notified == [Destination(webhook, builder.account_id)]


def test_receipts_raced_from_two_processes_are_told_once(
    builder: StoreBuilder, rival_store: Store
) -> None:
    webhook = subscribe(builder)
    campaign = builder.admit(20)
    builder.send(campaign)
    builder.execute("DELETE FROM callback")
    receipts = [Receipt(f"{campaign}-{n}", MessageStatus.DELIVERED, LATER) for n in range(20)]
    stores = itertools.cycle((builder.store, rival_store))
    taken = [next(stores) for _ in range(6)]
    assert sum(race(6, lambda number: taken[number].receipts.apply(receipts))) == 20
    assert [(one[0], one[1]) for one in result(builder)] == [(webhook, "message.delivered")] * 20
