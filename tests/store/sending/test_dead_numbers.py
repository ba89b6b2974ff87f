"""A number that carriers call dead gets nothing more after so many failures, with the reason."""

from campaign.instants import DAY, Instant
from campaign.keywords import Keyword, OptOutEvidence
from campaign.states import MessageStatus
from tests.store.builders import NOW, StoreBuilder, number, outcome

FAILED = MessageStatus.FAILED


def fail(builder: StoreBuilder, now: Instant, code: str = "invalid_number") -> list[str]:
    """Send a campaign to three numbers, the first of which fails; the states of its messages."""
    campaign_id = builder.admit(3, now=now)
    claimed = [one.position for one in builder.flush_and_claim(campaign_id, now=now).claimed]
    outcomes = [
        outcome(position, FAILED, at=now, code=code) if position == 0 else outcome(position, at=now)
        for position in claimed
    ]
    builder.write(campaign_id, *outcomes)
    return builder.statuses(campaign_id)


def test_a_number_is_suppressed_after_so_many_failures(builder: StoreBuilder) -> None:
    store, account = builder.store, builder.account_id
    for count in range(3):
        assert store.dead_numbers.suppress(3, NOW + count) == 0
        fail(builder, NOW + count)
    assert store.dead_numbers.suppress(3, NOW + DAY) == 1
    assert store.dead_numbers.suppress(3, NOW + DAY) == 0
    (view,) = store.opt_outs.list(account)
    assert (view.number, view.source, view.reason) == (number(0), "carrier", "invalid_number")
    assert fail(builder, NOW + DAY) == ["skipped", "sent", "sent"]


def test_a_phone_that_is_only_off_is_not_dead(builder: StoreBuilder) -> None:
    for count in range(5):
        fail(builder, NOW + count, code="unreachable")
    assert builder.store.dead_numbers.suppress(1, NOW + DAY) == 0


def test_a_number_that_is_let_in_again_starts_anew(builder: StoreBuilder) -> None:
    store, account = builder.store, builder.account_id
    fail(builder, NOW)
    assert store.dead_numbers.suppress(1, NOW + 1) == 1
    assert store.opt_outs.remove(account, number(0))
    assert store.dead_numbers.suppress(1, NOW + 2) == 0
    # So does one from which somebody writes START.
    fail(builder, NOW + DAY)
    assert store.dead_numbers.suppress(1, NOW + DAY + 1) == 1
    evidence, at = OptOutEvidence("inbound"), NOW + DAY + 2
    assert store.opt_outs.apply(account, number(0), Keyword.START, at, "in_1", evidence, at)
    assert store.dead_numbers.suppress(1, NOW + DAY + 3) == 0


def test_another_accounts_failures_do_not_count(builder: StoreBuilder) -> None:
    other, _ = builder.store.accounts.create("other", NOW)
    fail(builder, NOW)
    builder.store.dead_numbers.suppress(1, NOW + 1)
    assert not builder.store.opt_outs.contains(other.id, number(0))
