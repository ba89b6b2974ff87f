"""An operator's word made to meet a receipt, the settlement and the next try, statement by
statement, on the database that lets them meet."""

from functools import partial
from typing import Any

import pytest

from campaign.handoffs import Receipt, Repeats
from campaign.instants import HOUR, SECOND
from campaign.model import UnknownPolicy
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from store.store import Store
from tests.store.builders import GRANTED, NOW, SENDER, StoreBuilder, outcome
from tests.store.racing import meeting

LATER = NOW + HOUR
FAILURES = CampaignStatus.FINISHED_WITH_FAILURES


@pytest.fixture
def builder(postgres_store: Store) -> StoreBuilder:
    """Books on PostgreSQL; SQLite's one writer keeps such meetings from happening."""
    account, _ = postgres_store.accounts.create("tester", 0, GRANTED, GRANTED, (SENDER,))
    return StoreBuilder(postgres_store, account.id)


def unknown(builder: StoreBuilder, ended: bool = False, **members: Any) -> str:
    """A campaign of two messages that may or may not have left."""
    campaign = builder.admit(2, keys=["key:0", "key:1"], key="batch:1", **members)
    builder.claimed(campaign)
    builder.write(campaign, *[outcome(n, MessageStatus.UNKNOWN, code="timeout") for n in (0, 1)])
    if ended:
        settle(builder, campaign)
    return campaign


def resolve(
    builder: StoreBuilder, campaign: str, was_sent: bool, position: int = 0
) -> MessageStatus | None:
    message = f"{campaign}-{position}"
    return builder.store.resolving.resolve(campaign, message, was_sent, LATER)


def apply(builder: StoreBuilder, campaign: str, position: int = 0) -> int:
    receipt = Receipt(f"{campaign}-{position}", MessageStatus.DELIVERED, NOW + SECOND)
    return builder.store.receipts.apply([receipt])


def settle(builder: StoreBuilder, campaign: str) -> None:
    builder.store.admissions.settle(campaign, FAILURES, NOW)


def agree(builder: StoreBuilder, campaign: str) -> bool:
    """The books follow the states of the two messages, now and after the end."""
    for _ in range(2):
        assert audit(builder.store.database).findings == ()
        settle(builder, campaign)
    result = builder.statuses(campaign)
    paid = 2 * sum(status in ("sent", "delivered") for status in result)
    assert builder.money() == (
        GRANTED - paid - 2 * result.count("unknown"),
        result.count("unknown") * 2,
        paid,
    )
    return True


STEPS_OF_RESOLVE = ["FROM campaign", "UPDATE message", "UPDATE attempt", "recipient_key"]


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("was_sent", [False, True])
@pytest.mark.parametrize("statement", STEPS_OF_RESOLVE)
def test_a_receipt_that_comes_during_an_operators_word_pays_once_or_is_too_late(
    builder: StoreBuilder, statement: str, was_sent: bool, ended: bool
) -> None:
    campaign = unknown(builder, ended)
    with meeting(builder.store.database, statement, lambda: apply(builder, campaign)) as applied:
        said = resolve(builder, campaign, was_sent)
    first = builder.statuses(campaign)[0]
    if said is MessageStatus.DELIVERED:
        # The receipt was there before the word was.
        assert (first, applied) == ("delivered", [1])
    elif was_sent:
        assert (first, applied) == ("delivered", [1])
    else:
        assert (first, applied) == ("failed", [0])
    assert agree(builder, campaign)


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("was_sent", [False, True])
@pytest.mark.parametrize("statement", ["FROM message", "recipient_key", "hold"])
def test_an_operators_word_that_comes_during_a_receipt_is_too_late(
    builder: StoreBuilder, statement: str, was_sent: bool, ended: bool
) -> None:
    campaign = unknown(builder, ended)
    with meeting(
        builder.store.database, statement, lambda: resolve(builder, campaign, was_sent)
    ) as said:
        assert apply(builder, campaign) == 1
    assert said == [MessageStatus.DELIVERED]
    assert builder.statuses(campaign) == ["delivered", "unknown"]
    assert agree(builder, campaign)


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("was_sent", [False, True])
def test_an_operators_word_that_comes_before_a_receipt_has_locked_its_message_counts(
    builder: StoreBuilder, was_sent: bool, ended: bool
) -> None:
    campaign = unknown(builder, ended)
    with meeting(
        builder.store.database, "UPDATE message", lambda: resolve(builder, campaign, was_sent)
    ) as said:
        applied = apply(builder, campaign)
    assert said == [MessageStatus.SENT if was_sent else MessageStatus.FAILED]
    assert applied == int(was_sent)
    assert builder.statuses(campaign) == ["delivered" if was_sent else "failed", "unknown"]
    assert agree(builder, campaign)


@pytest.mark.parametrize("was_sent", [False, True])
@pytest.mark.parametrize(
    "statement", ["UPDATE campaign", "FROM hold", "FROM message", "UPDATE credit", "campaign_key"]
)
def test_an_operators_word_during_the_settlement_leaves_no_credit_stuck(
    builder: StoreBuilder, statement: str, was_sent: bool
) -> None:
    campaign = unknown(builder)
    # One that certainly failed, so that the settlement has something to give back.
    resolve(builder, campaign, False, position=1)
    with meeting(
        builder.store.database, statement, lambda: resolve(builder, campaign, was_sent)
    ) as said:
        settle(builder, campaign)
    assert said == [MessageStatus.SENT if was_sent else MessageStatus.FAILED]
    assert builder.money()[1] == 0
    assert builder.value("SELECT count(*) FROM campaign_key") == int(was_sent)
    assert agree(builder, campaign)


@pytest.mark.parametrize("was_sent", [False, True])
@pytest.mark.parametrize("statement", STEPS_OF_RESOLVE)
def test_a_settlement_during_an_operators_word_leaves_no_credit_stuck(
    builder: StoreBuilder, statement: str, was_sent: bool
) -> None:
    campaign = unknown(builder)
    resolve(builder, campaign, False, position=1)
    with meeting(builder.store.database, statement, lambda: settle(builder, campaign)):
        resolve(builder, campaign, was_sent)
    assert builder.money()[1] == 0
    assert builder.value("SELECT count(*) FROM campaign_key") == int(was_sent)
    assert agree(builder, campaign)


def test_two_words_on_two_messages_of_an_ended_campaign_each_give_back_their_own(
    builder: StoreBuilder,
) -> None:
    for statement in ("UPDATE message", "FROM hold", "UPDATE credit"):
        campaign = unknown(builder, ended=True)
        with meeting(
            builder.store.database, statement, partial(resolve, builder, campaign, False, 1)
        ) as said:
            assert resolve(builder, campaign, False, 0) is MessageStatus.FAILED
        assert said == [MessageStatus.FAILED]
        assert builder.money() == (GRANTED, 0, 0)
        assert builder.value("SELECT count(*) FROM campaign_key") == 0
    assert audit(builder.store.database).findings == ()


@pytest.mark.parametrize("repeats", Repeats)
def test_a_message_resolved_while_it_is_being_reopened_is_one_or_the_other(
    builder: StoreBuilder, repeats: Repeats
) -> None:
    campaign = unknown(builder, unknown_policy=UnknownPolicy.RESEND)
    reopen = builder.store.resolving.reopen_unknown
    with meeting(
        builder.store.database, "UPDATE message", lambda: resolve(builder, campaign, True)
    ) as said:
        assert reopen(campaign, {"pretend": repeats}, LATER) == 2
    assert said == [MessageStatus(builder.statuses(campaign)[0])]
    with meeting(
        builder.store.database, "UPDATE message", lambda: apply(builder, campaign)
    ) as applied:
        reopen(campaign, {"pretend": repeats}, LATER)
    assert applied == [1]
    assert builder.statuses(campaign)[0] == "delivered"
    assert audit(builder.store.database).findings == ()
