"""Credits are held, posted and given back exactly once, also in races."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from campaign.credits import CreditKind, MessageKind, Price
from campaign.instants import Instant
from campaign.refusals import RefusalCode
from campaign.states import CampaignStatus, MessageStatus
from store.shared import ledger
from store.store import Store
from tests.store.builders import GRANTED, NOW, StoreBuilder, outcome
from tests.store.racing import race

RACERS = 20
Movement = Callable[[Connection, str, str, Price, int, Instant], None]


@pytest.fixture
def poor(any_store: Store) -> StoreBuilder:
    """An account with credits for five campaigns of ten messages."""
    return StoreBuilder(any_store, any_store.accounts.create("poor", 0, 100, 0)[0].id)


def test_twenty_holds_at_once_never_overdraw(
    any_store: Store, rival_store: Store, poor: StoreBuilder
) -> None:
    campaigns = [poor.save(10) for _ in range(RACERS)]
    stores = (any_store, rival_store)

    def hold(runner: int) -> bool:
        admissions = stores[runner % 2].admissions
        refusal = admissions.hold(campaigns[runner], NOW)
        assert refusal is None or refusal.code is RefusalCode.CREDITS_INSUFFICIENT
        return refusal is None

    assert sum(race(RACERS, hold)) == 5
    assert poor.money() == (0, 100, 0)
    entries = "SELECT sum(amount) FROM ledger_entry WHERE movement = 'hold'"
    assert poor.value(entries) == 100


def test_one_campaign_held_many_times_at_once_is_held_once(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    any_store.accounts.update(builder.account_id, daily_quota=15)
    campaign = builder.save(10)
    stores = (any_store, rival_store)
    refusals = race(8, lambda runner: stores[runner % 2].admissions.hold(campaign, NOW))
    assert refusals == [None] * 8
    assert builder.money() == (GRANTED - 20, 20, 0)
    assert builder.value("SELECT used FROM quota_day") == 10


def test_a_hold_that_does_not_fit_changes_neither_ledger_nor_quota(poor: StoreBuilder) -> None:
    campaign = poor.save(3, kind=MessageKind.MMS)
    refusal = poor.store.admissions.hold(campaign, NOW)
    assert refusal is not None and refusal.details == {"kind": "mms"}
    assert poor.money() == (100, 0, 0)
    assert poor.value("SELECT count(*) FROM hold") == 0
    assert poor.value("SELECT count(*) FROM quota_day") == 0


def test_an_mms_is_held_and_posted_in_both_ledgers(builder: StoreBuilder) -> None:
    campaign = builder.admit(4, kind=MessageKind.MMS)
    assert builder.money(CreditKind.SMS) == (GRANTED - 4, 4, 0)
    assert builder.money(CreditKind.MMS) == (GRANTED - 4, 4, 0)
    builder.send(campaign)
    assert builder.money(CreditKind.SMS) == (GRANTED - 4, 0, 4)
    assert builder.money(CreditKind.MMS) == (GRANTED - 4, 0, 4)


def test_an_outcome_written_again_posts_nothing_more(builder: StoreBuilder) -> None:
    campaign = builder.admit(3)
    builder.claimed(campaign)
    outcomes = [outcome(position) for position in range(3)]
    for _ in range(3):
        builder.write(campaign, *outcomes)
    assert builder.money() == (GRANTED - 6, 0, 6)
    assert builder.value("SELECT count(*) FROM ledger_entry WHERE movement = 'post'") == 1


def test_an_outcome_written_by_many_at_once_posts_once(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    campaign = builder.admit(3)
    builder.claimed(campaign)
    stores = (any_store, rival_store)
    outcomes = [outcome(position) for position in range(3)]
    race(
        8,
        lambda runner: builder.flush_and_claim(
            campaign, outcomes, claim=0, store=stores[runner % 2]
        ),
    )
    assert builder.money() == (GRANTED - 6, 0, 6)


@pytest.mark.parametrize("movement", [ledger.post, ledger.void])
def test_a_movement_booked_twice_is_a_fault_and_changes_nothing(
    builder: StoreBuilder, movement: Movement
) -> None:
    campaign = builder.admit(3)

    def write(connection: Connection) -> None:
        movement(connection, builder.account_id, campaign, Price(sms=2), 0, NOW)

    builder.store.database.write(write)
    after_one = builder.money()
    with pytest.raises(ledger.LedgerError, match="booked twice"):
        builder.store.database.write(write)
    assert builder.money() == after_one


@pytest.mark.parametrize("movement", [ledger.post, ledger.void])
def test_no_more_than_was_held_can_be_posted_or_voided(
    builder: StoreBuilder, movement: Movement
) -> None:
    other = builder.admit(10)
    campaign = builder.admit(3)

    def write(connection: Connection) -> None:
        movement(connection, builder.account_id, campaign, Price(sms=7), 0, NOW)

    with pytest.raises(ledger.LedgerError, match="does not fit"):
        builder.store.database.write(write)
    assert builder.money() == (GRANTED - 26, 26, 0)
    assert builder.store.campaigns.report(other).held == Price(sms=20)


def test_settling_gives_back_once_what_was_not_sent(builder: StoreBuilder) -> None:
    campaign = builder.admit(5)
    builder.claimed(campaign, claim=3)
    builder.write(
        campaign,
        outcome(0),
        outcome(1, MessageStatus.FAILED, code="invalid_number"),
        outcome(2, MessageStatus.UNKNOWN, code="timeout"),
    )
    builder.store.campaigns.cancel_rest(campaign, NOW)
    for _ in range(2):
        builder.store.admissions.settle(campaign, CampaignStatus.CANCELLED, NOW)
    # One paid, one still held because nobody knows, three given back.
    assert builder.money() == (GRANTED - 4, 2, 2)
    report = builder.store.campaigns.report(campaign)
    assert (report.posted.sms, report.held.sms, report.voided.sms) == (2, 2, 6)
    assert builder.value("SELECT count(*) FROM ledger_entry WHERE movement = 'void'") == 1


def test_settled_by_many_at_once_is_settled_once(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    campaign = builder.admit(5)
    builder.store.campaigns.cancel_rest(campaign, NOW)
    stores = (any_store, rival_store)
    race(
        6,
        lambda runner: stores[runner % 2].admissions.settle(
            campaign, CampaignStatus.CANCELLED, NOW
        ),
    )
    assert builder.money() == (GRANTED, 0, 0)
    assert builder.value("SELECT count(*) FROM ledger_entry WHERE movement = 'void'") == 1
