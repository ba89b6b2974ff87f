"""Speeds in the store: shared by every worker, changed while messages leave."""

import pytest

from campaign.instants import MINUTE, SECOND
from campaign.rates import RATE_MIN, SLICE, campaign_scope, carrier_scope, sender_scope
from store.database.engine import StoreError
from tests.store.builders import NOW, SENDER, StoreBuilder
from tests.store.racing import race


def starts(builder: StoreBuilder, campaign: str, now: int, claim: int = 64) -> list[int]:
    """Claim, and say when each message may leave."""
    outcome = builder.flush_and_claim(campaign, claim=claim, now=now, token=f"at {now}")
    return [handoff.start_at for handoff in outcome.claimed]


@pytest.mark.parametrize("scope", ["sender", "carrier", "campaign"])
def test_a_speed_holds_back_claims_and_says_when_to_come_again(
    builder: StoreBuilder, scope: str
) -> None:
    campaign = builder.admit(30)
    name = {
        "sender": sender_scope(builder.account_id, SENDER),
        "carrier": carrier_scope("pretend"),
        "campaign": campaign_scope(campaign),
    }[scope]
    builder.store.rates.set_rate(name, 20)
    outcome = builder.flush_and_claim(campaign, claim=64)
    assert [handoff.start_at for handoff in outcome.claimed] == [NOW + 50 * n for n in range(10)]
    assert not outcome.exhausted and outcome.ask_again_at == NOW + 250
    assert builder.statuses(campaign).count("queued") == 20
    assert starts(builder, campaign, NOW + 250) == [NOW + 500 + 50 * n for n in range(5)]


def test_others_are_not_held_back(builder: StoreBuilder) -> None:
    campaign = builder.admit(30)
    for scope in (sender_scope("acc_other", SENDER), carrier_scope("x"), campaign_scope("cmp_x")):
        builder.store.rates.set_rate(scope, 1)
    outcome = builder.flush_and_claim(campaign, claim=64)
    assert len(outcome.claimed) == 30 and outcome.exhausted and outcome.ask_again_at is None


def test_a_speed_is_changed_and_taken_away_under_way(builder: StoreBuilder) -> None:
    campaign = builder.admit(200)
    scope = sender_scope(builder.account_id, SENDER)
    rates = builder.store.rates
    rates.set_rate(scope, 20)
    assert len(starts(builder, campaign, NOW)) == 10
    rates.set_rate(scope, 40)
    assert starts(builder, campaign, NOW + 500) == [NOW + 500 + 25 * n for n in range(20)]
    rates.set_rate(scope, None)
    assert set(starts(builder, campaign, NOW + 2 * SECOND)) == {0}
    assert rates.rates() == {}


def test_a_change_brings_forward_what_a_next_to_nothing_rate_had_put_off(
    builder: StoreBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.shared.rates.now_of", lambda connection: NOW + MINUTE)
    campaign = builder.admit(40)
    rates, scope = builder.store.rates, campaign_scope(campaign)
    rates.set_rate(scope, RATE_MIN)
    assert starts(builder, campaign, NOW) == [NOW]
    assert starts(builder, campaign, NOW + MINUTE) == []
    rates.set_rate(scope, 20)
    assert starts(builder, campaign, NOW + MINUTE + SECOND) != []


def test_claims_that_race_are_granted_no_segment_twice(builder: StoreBuilder) -> None:
    campaigns = [builder.admit(40) for _ in range(4)]
    builder.store.rates.set_rate(sender_scope(builder.account_id, SENDER), 50)

    def claim(number: int) -> list[int]:
        return starts(builder, campaigns[number], NOW)

    granted = sorted(start for some in race(4, claim) for start in some)
    assert granted == [NOW + 20 * n for n in range(SLICE // 20_000)]


def test_workers_of_their_own_share_a_speed(builder: StoreBuilder) -> None:
    campaigns = [builder.admit(100) for _ in range(2)]
    store = builder.store
    store.rates.set_rate(sender_scope(builder.account_id, SENDER), 100)
    found: list[int] = []
    now = NOW
    while now < NOW + 1_000:
        for campaign in campaigns:
            found += starts(builder, campaign, now)
        now += 125
    assert sorted(found) == [NOW + 10 * n for n in range(len(found))]
    assert len(found) == pytest.approx(137, abs=2)


@pytest.mark.parametrize("rate", [0.0, -1.0, 1e-13, 100_001.0, float("nan"), float("inf")])
def test_what_is_no_speed_is_refused(builder: StoreBuilder, rate: float) -> None:
    with pytest.raises(StoreError, match="one segment an hour"):
        builder.store.rates.set_rate("carrier:pretend", rate)


def test_a_campaign_begins_at_the_rate_that_it_was_created_with(builder: StoreBuilder) -> None:
    # A first claim of another campaign: this process has just read that no scope has a rate.
    assert builder.flush_and_claim(builder.admit(1)).claimed
    campaign = builder.admit(30, rate=20.0)
    assert starts(builder, campaign, NOW) == [NOW + 50 * n for n in range(10)]
    assert builder.store.rates.rates() == {campaign_scope(campaign): 20.0}
