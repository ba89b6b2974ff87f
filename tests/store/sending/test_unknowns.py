"""How a message leaves ``unknown``: an operator's word counts once, and nothing is reopened
blindly.
"""

from typing import Any

import pytest

from campaign.handoffs import Repeats
from campaign.instants import HOUR, SECOND
from campaign.model import UnknownPolicy
from campaign.ports import ChunkRange
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.audit import audit
from store.store import Store
from tests.store.builders import ALL, GRANTED, LEASE, NOW, StoreBuilder, outcome
from tests.store.racing import race

KEY = "order:17"
LATER = NOW + HOUR
FAILURES = CampaignStatus.FINISHED_WITH_FAILURES


def unknown(builder: StoreBuilder, size: int = 1, **members: Any) -> str:
    """A running campaign of which every message may or may not have left."""
    campaign = builder.admit(size, **members)
    claimed = builder.flush_and_claim(campaign).claimed
    builder.write(
        campaign,
        *[outcome(one.position, MessageStatus.UNKNOWN, code="timeout") for one in claimed],
    )
    assert builder.statuses(campaign) == ["unknown"] * size
    return campaign


def resolve(
    builder: StoreBuilder,
    campaign: str,
    was_sent: bool,
    position: int = 0,
    store: Store | None = None,
) -> MessageStatus | None:
    """An operator's word on one message."""
    resolving = (store or builder.store).resolving
    return resolving.resolve(campaign, f"{campaign}-{position}", was_sent, LATER)


def settle(builder: StoreBuilder, campaign: str, status: CampaignStatus = FAILURES) -> None:
    builder.store.admissions.settle(campaign, status, NOW)


def sound(builder: StoreBuilder) -> bool:
    assert audit(builder.store.database).findings == ()
    return True


def key_row(builder: StoreBuilder, table: str = "recipient_key") -> object:
    """When a key is free again: None while it is claimed, "free" without a row."""
    if not builder.value(f"SELECT count(*) FROM {table}"):
        return "free"
    return builder.value(f"SELECT free_at FROM {table}")


@pytest.mark.parametrize("ended", [False, True])
def test_a_message_said_to_be_sent_is_paid_and_spends_its_key_running_or_ended(
    builder: StoreBuilder, ended: bool
) -> None:
    campaign = unknown(builder, 2, keys=[KEY])
    if ended:
        settle(builder, campaign)
    assert resolve(builder, campaign, True) is MessageStatus.SENT
    assert builder.statuses(campaign) == ["sent", "unknown"]
    assert builder.money() == (GRANTED - 4, 2, 2)
    assert key_row(builder) == LATER + 48 * HOUR
    message = builder.store.campaigns.messages(campaign)[0]
    assert (message.sent_at, message.error) == (LATER, "operator_says_sent")
    assert sound(builder)


def test_a_message_said_to_have_failed_is_given_back_when_its_running_campaign_ends(
    builder: StoreBuilder,
) -> None:
    campaign = unknown(builder, 2, keys=[KEY])
    assert resolve(builder, campaign, False) is MessageStatus.FAILED
    assert builder.money() == (GRANTED - 4, 4, 0)
    assert key_row(builder) == "free"
    settle(builder, campaign)
    assert builder.money() == (GRANTED - 2, 2, 0)
    assert sound(builder)


def test_a_message_said_to_have_failed_is_given_back_at_once_in_an_ended_campaign(
    builder: StoreBuilder,
) -> None:
    campaign = unknown(builder, 2, keys=[KEY])
    settle(builder, campaign)
    assert builder.money() == (GRANTED - 4, 4, 0)
    assert resolve(builder, campaign, False) is MessageStatus.FAILED
    assert builder.money() == (GRANTED - 2, 2, 0)
    assert key_row(builder) == "free"
    message = builder.store.campaigns.messages(campaign)[0]
    assert (message.reason, message.final_at) == ("operator_says_failed", LATER)
    assert sound(builder)


@pytest.mark.parametrize("ended", [False, True])
def test_of_operators_who_contradict_each_other_at_once_one_is_believed(
    any_store: Store, rival_store: Store, builder: StoreBuilder, ended: bool
) -> None:
    size = 12
    campaign = unknown(builder, size, keys=[f"key:{n}" for n in range(size)])
    if ended:
        settle(builder, campaign)
    stores = (any_store, rival_store)

    def say(runner: int) -> list[MessageStatus | None]:
        order = range(size) if runner % 3 else reversed(range(size))
        result = {n: resolve(builder, campaign, runner < 2, n, stores[runner % 2]) for n in order}
        return [result[n] for n in range(size)]

    answers = race(4, say)
    assert answers[1:] == answers[:1] * 3
    assert answers[0] == builder.statuses(campaign)
    if not ended:
        settle(builder, campaign)
    sent = answers[0].count(MessageStatus.SENT)
    assert sent + answers[0].count(MessageStatus.FAILED) == size
    assert builder.money() == (GRANTED - 2 * sent, 0, 2 * sent)
    assert builder.value("SELECT count(*) FROM recipient_key") == sent
    assert sound(builder)


def test_only_a_doubtful_message_of_that_campaign_is_resolved(builder: StoreBuilder) -> None:
    campaign, other = builder.admit(2), unknown(builder)
    builder.claimed(campaign, claim=1)
    assert resolve(builder, campaign, True, 0) is MessageStatus.SENDING
    assert resolve(builder, campaign, False, 1) is MessageStatus.QUEUED
    said = builder.store.resolving.resolve
    assert said(campaign, f"{other}-0", True, LATER) is None
    assert said("cmp_nobody", f"{other}-0", True, LATER) is None
    assert said(campaign, "msg_nobody", True, LATER) is None
    assert builder.statuses(other) == ["unknown"]
    assert builder.money() == (GRANTED - 6, 6, 0)


def test_a_campaign_key_is_free_once_it_turns_out_that_nobody_was_sent_to(
    builder: StoreBuilder,
) -> None:
    campaign = unknown(builder, 2, key="batch:1")
    settle(builder, campaign)
    assert key_row(builder, "campaign_key") == NOW + 48 * HOUR
    resolve(builder, campaign, False, 0)
    assert key_row(builder, "campaign_key") != "free", "the other one may still have left"
    resolve(builder, campaign, False, 1)
    assert key_row(builder, "campaign_key") == "free"
    assert builder.money() == (GRANTED, 0, 0)
    again = builder.composed(2, key="batch:1", prefix="again", now=LATER)
    assert builder.store.campaigns.save(again, "again").created


def test_a_campaign_key_stays_taken_while_it_runs_or_when_somebody_was_sent_to(
    builder: StoreBuilder,
) -> None:
    campaign = unknown(builder, 2, key="batch:1")
    resolve(builder, campaign, False, 0)
    assert key_row(builder, "campaign_key") is None
    resolve(builder, campaign, True, 1)
    settle(builder, campaign)
    assert key_row(builder, "campaign_key") == LATER + 48 * HOUR
    assert sound(builder)


def test_a_campaign_key_that_another_campaign_has_by_now_is_left_alone(
    builder: StoreBuilder,
) -> None:
    campaign = unknown(builder, key="batch:1")
    settle(builder, campaign)
    heir = builder.admit(1, key="batch:1", now=NOW + 48 * HOUR)
    resolve(builder, campaign, False)
    assert builder.value("SELECT campaign_id FROM campaign_key") == heir


@pytest.mark.parametrize("repeats", [Repeats.DEDUP, Repeats.LOOKUP])
@pytest.mark.parametrize("policy", UnknownPolicy)
def test_a_carrier_that_can_tell_is_asked_again_whatever_the_policy(
    builder: StoreBuilder, repeats: Repeats, policy: UnknownPolicy
) -> None:
    campaign = unknown(builder, 3, keys=[KEY], unknown_policy=policy)
    resolve(builder, campaign, True, 2)
    assert builder.store.resolving.reopen_unknown(campaign, {"pretend": repeats}, LATER) == 2
    assert builder.statuses(campaign) == ["sending", "sending", "sent"]
    assert sound(builder)
    # Nothing is claimed and sent afresh: both are taken over as from a dead attempt.
    chunk = ChunkRange(campaign, 0, ALL, LATER)
    rows, claimed_until = builder.store.sending.abandoned(chunk, "t2")
    assert ([row.position for row in rows], claimed_until) == ([0, 1], LATER)
    assert builder.flush_and_claim(campaign, now=LATER).claimed == []
    adopt = builder.store.sending.adopt
    assert adopt(chunk, "t2", [0, 1], LATER, LATER + LEASE) == [0, 1]
    builder.write(campaign, outcome(0), outcome(1, MessageStatus.UNKNOWN), token="t2")
    assert builder.statuses(campaign) == ["sent", "unknown", "sent"]
    assert builder.money() == (GRANTED - 6, 2, 4)
    assert sound(builder)


def test_a_carrier_that_cannot_tell_gets_nothing_again_unless_the_policy_says_so(
    builder: StoreBuilder,
) -> None:
    held = unknown(builder, 2)
    resent = unknown(builder, 2, unknown_policy=UnknownPolicy.RESEND)
    reopen = builder.store.resolving.reopen_unknown
    assert reopen(held, {"pretend": Repeats.NONE}, LATER) == 0
    assert reopen(resent, {"pretend": Repeats.NONE}, LATER) == 2
    assert builder.statuses(held) == ["unknown"] * 2
    assert builder.statuses(resent) == ["retryable"] * 2
    assert builder.send(resent, now=LATER) == [0, 1]
    assert builder.money() == (GRANTED - 8, 4, 4)
    assert sound(builder)


@pytest.mark.parametrize("repeats", Repeats)
def test_reopening_again_after_a_lost_answer_says_the_same(
    builder: StoreBuilder, repeats: Repeats
) -> None:
    campaign = unknown(builder, 3, unknown_policy=UnknownPolicy.RESEND)
    reopen = builder.store.resolving.reopen_unknown
    assert reopen(campaign, {"pretend": repeats}, LATER) == 3
    assert reopen(campaign, {"pretend": repeats}, LATER + SECOND) == 3
    assert len(set(builder.statuses(campaign))) == 1


@pytest.mark.parametrize("repeats", Repeats)
def test_what_would_be_sent_again_is_not_reopened_for_a_number_that_opted_out(
    builder: StoreBuilder, repeats: Repeats
) -> None:
    campaign = unknown(builder, 2, unknown_policy=UnknownPolicy.RESEND)
    builder.store.opt_outs.add(builder.account_id, "+14155550000", "inbound", NOW)
    reopened = builder.store.resolving.reopen_unknown(campaign, {"pretend": repeats}, LATER)
    # To ask a carrier sends nothing; to repeat may.
    assert reopened == (2 if repeats is Repeats.LOOKUP else 1)
