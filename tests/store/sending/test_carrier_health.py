"""Carriers that are down: one probe a second among all workers, failover, and coming back."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from campaign.handoffs import Handoff
from campaign.instants import SECOND
from campaign.ports import ChunkRange, ClaimResult
from campaign.settings import Settings
from campaign.states import MessageStatus
from store.store import open_store
from tests.store.builders import NOW, SENDER, StoreBuilder, outcome
from tests.store.racing import race

LATER = NOW + 10 * SECOND


@pytest.fixture
def builder_of_two(any_settings: Settings, builder: StoreBuilder) -> Iterator[StoreBuilder]:
    """The same account in an installation with two carriers."""
    store = open_store(any_settings.model_copy(update={"carrier": "pretend, second"}))
    yield StoreBuilder(store, builder.account_id)
    store.close()


def carriers_of(outcome: ClaimResult) -> list[str]:
    return [handoff.carrier for handoff in outcome.claimed]


def test_a_carrier_that_is_up_gets_everything(builder: StoreBuilder) -> None:
    outcome = builder.flush_and_claim(builder.admit(3))
    assert carriers_of(outcome) == ["pretend"] * 3
    assert {(one.round, one.more) for one in outcome.claimed} == {(1, False)}


def test_a_carrier_that_is_down_gets_one_probe_a_second(builder: StoreBuilder) -> None:
    campaign = builder.admit(5)
    builder.store.health.trip("pretend", "no_connection", NOW, NOW + SECOND)
    outcome = builder.flush_and_claim(campaign, now=NOW + 1)
    assert outcome.claimed == [] and outcome.down == "pretend" and not outcome.exhausted
    assert outcome.ask_again_at == NOW + SECOND
    outcome = builder.flush_and_claim(campaign, now=NOW + SECOND)
    assert [handoff.position for handoff in outcome.claimed] == [0] and outcome.down == "pretend"
    assert outcome.ask_again_at == NOW + 2 * SECOND
    assert builder.flush_and_claim(campaign, now=NOW + SECOND + 1, token="other").claimed == []


def test_of_workers_that_race_one_probes(builder: StoreBuilder) -> None:
    campaigns = [builder.admit(5) for _ in range(4)]
    health = builder.store.health
    health.trip("pretend", "no_connection", NOW, NOW + SECOND)

    def claim(number: int) -> list[Handoff]:
        outcome = builder.flush_and_claim(campaigns[number], now=NOW + SECOND, token=f"t{number}")
        return outcome.claimed

    assert sum(len(claimed) for claimed in race(4, claim)) == 1
    assert race(4, lambda _: health.may_probe("pretend", NOW + 2 * SECOND)).count(True) == 1


def test_after_a_clear_answer_all_may_leave(builder: StoreBuilder) -> None:
    campaign = builder.admit(5)
    health = builder.store.health
    health.trip("pretend", "no_connection", NOW, NOW + SECOND)
    assert [one.down_since for one in health.list()] == [NOW]
    health.restore("pretend")
    health.restore("pretend")
    assert len(builder.flush_and_claim(campaign, now=NOW + 1).claimed) == 5
    assert [one.down_since for one in health.list()] == [None]
    assert health.may_probe("pretend", NOW + 1)


def test_down_since_is_when_it_began_and_the_longest_wish_counts(builder: StoreBuilder) -> None:
    health = builder.store.health
    health.trip("pretend", "rate_limited", NOW, NOW + 30 * SECOND)
    health.trip("pretend", "no_connection", NOW + 5, NOW + SECOND)
    (one,) = health.list()
    assert (one.down_since, one.reason) == (NOW, "rate_limited")
    assert not health.may_probe("pretend", NOW + 29 * SECOND)
    assert health.may_probe("pretend", NOW + 30 * SECOND)


def test_a_route_is_that_of_the_sender_or_the_account_or_all(builder_of_two: StoreBuilder) -> None:
    builder = builder_of_two
    assert carriers_of(builder.flush_and_claim(builder.admit(1))) == ["pretend"]
    builder.store.accounts.update(builder.account_id, carriers="second")
    assert carriers_of(builder.flush_and_claim(builder.admit(1, now=LATER), now=LATER)) == [
        "second"
    ]
    builder.execute("UPDATE sender SET carriers = 'second,pretend' WHERE address = :s", s=SENDER)
    outcome = builder.flush_and_claim(builder.admit(1, now=LATER), now=LATER + 2 * SECOND)
    assert [(one.carrier, one.more) for one in outcome.claimed] == [("second", True)]


def test_after_a_definite_no_the_next_carrier_of_the_route_is_tried(
    builder_of_two: StoreBuilder,
) -> None:
    builder = builder_of_two
    campaign = builder.admit(1)
    seen = []
    for number in range(3):
        now = NOW + number
        (handoff,) = builder.flush_and_claim(campaign, now=now).claimed
        seen.append((handoff.carrier, handoff.round, handoff.more))
        no = outcome(0, MessageStatus.RETRYABLE, attempt=handoff.attempt, due_at=now)
        builder.write(campaign, no)
    assert seen == [("pretend", 1, True), ("second", 1, False), ("pretend", 2, True)]
    named = text("SELECT carrier FROM attempt WHERE campaign_id = :c ORDER BY number")
    rows = builder.store.database.read(
        lambda connection: connection.execute(named, {"c": campaign}).scalars().all()
    )
    assert rows == ["pretend", "second", "pretend"]


def test_what_was_left_sending_names_the_carrier_that_may_have_it(
    builder_of_two: StoreBuilder,
) -> None:
    builder = builder_of_two
    campaign = builder.admit(1)
    builder.store.health.trip("pretend", "no_connection", NOW, NOW + SECOND)
    builder.flush_and_claim(campaign, now=NOW + 1, token="dead")
    builder.store.health.restore("pretend")
    chunk = ChunkRange(campaign, 0, 1, NOW)
    (left,), _ = builder.store.sending.abandoned(chunk, "alive")
    assert (left.carrier, left.attempted_at) == ("second", NOW + 1)
