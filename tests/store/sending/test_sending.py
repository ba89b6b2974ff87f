"""A chunk claims what is due, writes how it ended, and never takes what another has."""

from unittest.mock import Mock

import pytest

from campaign.instants import SECOND
from campaign.ports import ChunkRange, ClaimResult
from campaign.states import CampaignStatus, MessageStatus
from store.database.engine import json_rows
from store.sending.earlier_tries import EarlierTries
from store.sending.statements import ChunkStatements
from store.store import Store
from tests.store.builders import GRANTED, LEASE, NOW, StoreBuilder, number, outcome
from tests.store.racing import race


def test_rows_are_claimed_in_windows_by_position_until_none_is_left(builder: StoreBuilder) -> None:
    campaign = builder.admit(7)
    first = builder.flush_and_claim(campaign, claim=3)
    assert [one.position for one in first.claimed] == [0, 1, 2]
    assert not first.exhausted
    assert builder.claimed(campaign, claim=3) == [3, 4, 5]
    last = builder.flush_and_claim(campaign, claim=3)
    assert [one.position for one in last.claimed] == [6]
    assert last.exhausted
    assert builder.flush_and_claim(campaign, claim=3).exhausted


def test_a_claim_is_written_with_its_attempt_before_it_returns(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    (handoff,) = builder.flush_and_claim(campaign).claimed
    assert (handoff.attempt, handoff.reference, handoff.to) == (1, f"{campaign}-0", number(0))
    assert builder.statuses(campaign) == ["sending"]
    assert builder.value("SELECT started_at FROM attempt WHERE number = 1") == NOW
    assert builder.value("SELECT claimed_until FROM message") == NOW + LEASE


def test_a_campaign_begins_with_its_first_claim_or_not_at_all(
    builder: StoreBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = builder.admit(1)
    builder.execute("UPDATE campaign SET status = 'scheduled'")
    with monkeypatch.context() as broken, pytest.raises(RuntimeError, match="broken"):
        broken.setattr(EarlierTries, "of", Mock(side_effect=RuntimeError("broken")))
        builder.flush_and_claim(campaign, begins=True)
    assert builder.value("SELECT status FROM campaign") == "scheduled"
    assert builder.statuses(campaign) == ["queued"]
    builder.flush_and_claim(campaign, begins=True)
    assert builder.value("SELECT status FROM campaign") == "running"
    assert builder.statuses(campaign) == ["sending"]


def test_only_what_lies_in_the_range_and_is_due_is_claimed(builder: StoreBuilder) -> None:
    campaign = builder.admit(6)
    later = builder.admit(2, due_at=NOW + SECOND)
    assert builder.claimed(campaign, low=2, high=4) == [2, 3]
    assert builder.claimed(later, now=NOW + SECOND - 1) == []
    assert builder.claimed(later, now=NOW + SECOND) == [0, 1]


def test_a_chunk_learns_when_its_next_message_is_due_and_gets_none_before(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(3)
    builder.execute("UPDATE message SET due_at = due_at + 1000 * position")
    chunk = ChunkRange(campaign, 0, 3, due_until=NOW + SECOND)

    def claim(now: int) -> ClaimResult:
        return builder.store.sending.flush_and_claim(chunk, "t", [], 9, now, now + LEASE)

    first = claim(NOW)
    assert [one.position for one in first.claimed] == [0]
    assert (first.exhausted, first.ask_again_at, first.waits_for) == (False, NOW + SECOND, None)
    assert claim(NOW + SECOND - 1).claimed == []
    second = claim(NOW + SECOND)
    assert [one.position for one in second.claimed] == [1]
    # The third is due after the end of the chunk.
    assert (second.exhausted, second.ask_again_at) == (True, None)


def test_a_message_that_moves_after_it_was_found_is_not_claimed_early(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(1, due_at=NOW + 1)
    statements = ChunkStatements(builder.store.database)
    row = {"campaign_id": campaign, "position": 0, "attempt": 1, "carrier": "pretend"}
    values = {"rows": json_rows([row]), "token": "t", "lease": NOW + LEASE}

    def claimed(now: int) -> list[int]:
        return builder.store.database.write(
            lambda connection: list(
                connection.execute(statements.claim, {**values, "now": now}).scalars()
            )
        )

    assert (claimed(NOW), claimed(NOW + 1)) == ([], [0])


def test_claimers_at_once_never_get_the_same_message(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    campaign = builder.admit(200)
    stores = (any_store, rival_store)

    def claim(runner: int) -> list[int]:
        won: list[int] = []
        while part := builder.claimed(
            campaign, claim=7, token=f"t{runner}", store=stores[runner % 2]
        ):
            won += part
        return won

    shares = race(8, claim)
    # A claimer may leave early while others hold the rest; those rows are still there to claim.
    shares.append(builder.claimed(campaign))
    assert sorted(position for share in shares for position in share) == list(range(200))
    assert builder.value("SELECT count(*) FROM attempt") == 200


def test_a_sent_outcome_writes_message_attempt_and_money_together(builder: StoreBuilder) -> None:
    campaign = builder.admit(2)
    builder.claimed(campaign)
    builder.write(campaign, outcome(0, at=NOW + 5, carrier_id="c-0"))
    assert builder.statuses(campaign) == ["sent", "sending"]
    sent, _ = builder.store.campaigns.messages(campaign)
    assert (sent.sent_at, sent.carrier_id, sent.attempts) == (NOW + 5, "c-0", 1)
    assert builder.money() == (GRANTED - 4, 2, 2)
    ended = "SELECT outcome FROM attempt WHERE ended_at = :at AND position = 0"
    assert builder.value(ended, at=NOW + 5) == "sent"


def test_a_failed_outcome_keeps_its_reason_and_costs_nothing_yet(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    builder.claimed(campaign)
    builder.write(campaign, outcome(0, MessageStatus.FAILED, code="invalid_number"))
    (message,) = builder.store.campaigns.messages(campaign)
    assert (message.status, message.reason, message.final_at) == ("failed", "invalid_number", NOW)
    assert builder.money() == (GRANTED - 2, 2, 0)


def test_a_message_put_off_is_claimed_again_when_due_as_its_next_attempt(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(1)
    builder.claimed(campaign)
    due = NOW + 30 * SECOND
    builder.write(campaign, outcome(0, MessageStatus.RETRYABLE, code="unavailable", due_at=due))
    assert builder.claimed(campaign, now=due - 1) == []
    (handoff,) = builder.flush_and_claim(campaign, now=due).claimed
    assert handoff.attempt == 2
    assert builder.value("SELECT count(*) FROM attempt WHERE ended_at IS NULL") == 1


def test_an_outcome_under_another_token_changes_nothing(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    builder.claimed(campaign, token="mine")
    builder.write(campaign, outcome(0), token="theirs")
    assert builder.statuses(campaign) == ["sending"]
    assert builder.money() == (GRANTED - 2, 2, 0)
    builder.write(campaign, outcome(0), token="mine")
    assert builder.statuses(campaign) == ["sent"]


def test_a_late_outcome_does_not_turn_an_ended_message_back(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    builder.claimed(campaign)
    builder.write(campaign, outcome(0))
    builder.write(campaign, outcome(0, MessageStatus.RETRYABLE, due_at=NOW))
    builder.write(campaign, outcome(0, MessageStatus.FAILED, code="late"))
    assert builder.statuses(campaign) == ["sent"]


def test_a_lease_is_renewed_by_its_holder_only(builder: StoreBuilder) -> None:
    campaign = builder.admit(1)
    chunk = ChunkRange(campaign, 0, 10, NOW)
    builder.claimed(campaign, token="mine")
    sending = builder.store.sending
    assert sending.renew(chunk, "mine", 0, NOW + 2 * LEASE)
    assert builder.value("SELECT claimed_until FROM message") == NOW + 2 * LEASE
    assert not sending.renew(chunk, "theirs", 0, NOW + 9 * LEASE)
    builder.write(campaign, outcome(0), token="mine")
    assert not sending.renew(chunk, "mine", 0, NOW + 9 * LEASE)


def test_a_dead_claim_is_found_as_abandoned_with_the_end_of_its_lease(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(3)
    chunk = ChunkRange(campaign, 0, 10, NOW)
    builder.claimed(campaign, claim=2, token="dead")
    assert builder.store.sending.abandoned(chunk, "dead") == ([], None)
    rows, claimed_until = builder.store.sending.abandoned(chunk, "next")
    assert [(row.position, row.attempt) for row in rows] == [(0, 1), (1, 1)]
    assert claimed_until == NOW + LEASE
    assert builder.store.sending.abandoned(ChunkRange(campaign, 2, 3, NOW), "next") == ([], None)


def test_a_row_is_adopted_only_after_its_lease(builder: StoreBuilder) -> None:
    campaign = builder.admit(2)
    chunk = ChunkRange(campaign, 0, 10, NOW)
    builder.claimed(campaign, token="dead")
    sending = builder.store.sending
    end = NOW + LEASE
    assert sending.adopt(chunk, "next", [0, 1], end - 1, end + LEASE) == []
    assert sending.adopt(chunk, "next", [0, 1], end, end + LEASE) == [0, 1]
    # The dead attempt, if it lives after all, has lost its rows.
    builder.write(campaign, outcome(0), token="dead")
    assert not sending.renew(chunk, "dead", 1, end + 9 * LEASE)
    assert builder.statuses(campaign) == ["sending", "sending"]
    builder.write(campaign, outcome(0), outcome(1), token="next")
    assert builder.statuses(campaign) == ["sent", "sent"]


def test_of_adopters_at_once_one_gets_each_row(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    campaign = builder.admit(40)
    chunk = ChunkRange(campaign, 0, 40, NOW)
    builder.claimed(campaign, token="dead")
    stores = (any_store, rival_store)
    now = NOW + LEASE

    def adopt(runner: int) -> list[int]:
        positions = list(range(40)) if runner % 2 else list(range(39, -1, -1))
        sending = stores[runner % 2].sending
        return sending.adopt(chunk, f"t{runner}", positions, now, now + LEASE)

    won = race(6, adopt)
    assert sorted(position for share in won for position in share) == list(range(40))


def test_an_opt_out_after_admission_is_skipped_when_its_turn_comes(builder: StoreBuilder) -> None:
    campaign = builder.admit(3)
    builder.store.opt_outs.add(builder.account_id, number(1), "inbound", NOW)
    outcome = builder.flush_and_claim(campaign)
    assert [one.position for one in outcome.claimed] == [0, 2]
    assert outcome.skipped == 1
    skipped = builder.store.campaigns.messages(campaign)[1]
    assert (skipped.status, skipped.reason, skipped.final_at) == ("skipped", "opted_out", NOW)


def test_an_opt_out_is_sent_to_where_the_campaign_says_so(builder: StoreBuilder) -> None:
    builder.store.opt_outs.add(builder.account_id, number(1), "inbound", NOW)
    campaign = builder.admit(3, exclude_opt_outs=False)
    assert builder.claimed(campaign) == [0, 1, 2]


def test_every_message_is_either_cancelled_or_sent_when_a_cancel_races(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    # 500 rounds on each database.
    for _ in range(500):
        campaign = builder.admit(8)

        def claim(campaign: str = campaign) -> int:
            claimed = 0
            while part := builder.claimed(campaign, claim=2, store=rival_store):
                builder.write(campaign, *[outcome(position) for position in part])
                claimed += len(part)
            return claimed

        def cancel(campaign: str = campaign) -> int:
            return any_store.campaigns.cancel_rest(campaign, NOW)

        sent, cancelled = race(2, lambda runner: cancel() if runner else claim())
        assert sent + cancelled == 8
        tally = any_store.campaigns.tally(campaign)
        assert (tally.sent, tally.cancelled) == (sent, cancelled)
        any_store.admissions.settle(campaign, CampaignStatus.CANCELLED, NOW)
    assert builder.money()[1] == 0
