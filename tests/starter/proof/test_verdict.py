"""The verdict of a proof names each kind of fault, and only that."""

from collections import Counter
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.states import CampaignStatus, MessageStatus
from starter.proof.verdict import GIVEN_UP, HANDED_OFF, Observed, Verdict, compare

PRICE = 3
ENDED = sorted(HANDED_OFF | GIVEN_UP | {MessageStatus.UNKNOWN})


def observed(*states: MessageStatus) -> tuple[Observed, list[str]]:
    """A campaign that is right in everything, and what the carrier took of it."""
    messages = {f"msg_{index}": state for index, state in enumerate(states)}
    tally = Counter(states)
    campaign = Observed(
        id="cmp_1",
        status=CampaignStatus.FINISHED,
        counts={state.value: tally[state] for state in MessageStatus} | {"total": len(states)},
        held=PRICE * tally[MessageStatus.UNKNOWN],
        posted=PRICE * sum(tally[state] for state in HANDED_OFF),
        voided=PRICE * sum(tally[state] for state in GIVEN_UP),
        messages=messages,
    )
    return campaign, [id for id, state in messages.items() if state in HANDED_OFF]


def faults(verdict: Verdict) -> dict[str, int]:
    shown = asdict(verdict)
    names = ("lost", "doubled", "miscounted", "drift", "leaks")
    return {name: shown[name] for name in names if shown[name]}


@given(st.lists(st.sampled_from(ENDED), max_size=20))
def test_what_is_right_in_everything_holds(states: list[MessageStatus]) -> None:
    campaign, log = observed(*states)
    verdict = compare([campaign], [*log, "another's message"], PRICE)
    assert verdict.holds and faults(verdict) == {}
    assert verdict.unknown == states.count(MessageStatus.UNKNOWN)
    assert (verdict.messages, verdict.sent) == (len(states), len(log))


def test_an_unknown_message_may_have_been_taken_or_not() -> None:
    campaign, _ = observed(MessageStatus.UNKNOWN, MessageStatus.UNKNOWN)
    verdict = compare([campaign], ["msg_0"], PRICE)
    assert verdict.holds and (verdict.sent, verdict.unknown) == (1, 2)


def test_each_kind_of_fault_is_named() -> None:
    campaign, log = observed(MessageStatus.DELIVERED, MessageStatus.SENT, MessageStatus.CANCELLED)
    assert faults(compare([campaign], log[1:], PRICE)) == {"lost": 1}
    assert faults(compare([campaign], [*log, log[0], log[0]], PRICE)) == {"doubled": 2}
    assert faults(compare([campaign], [*log, "msg_2"], PRICE)) == {"miscounted": 1}
    counts = {**campaign.counts, "sent": 0, "delivered": 2}
    assert faults(compare([replace(campaign, counts=counts)], log, PRICE)) == {"miscounted": 2}
    assert faults(compare([replace(campaign, posted=5)], log, PRICE)) == {"drift": 1}
    assert faults(compare([replace(campaign, voided=0)], log, PRICE)) == {"drift": 3}
    assert faults(compare([replace(campaign, held=2)], log, PRICE)) == {"leaks": 2}
    assert faults(compare([campaign], log, PRICE, off=-4)) == {"drift": 4}


@pytest.mark.parametrize("state", [MessageStatus.QUEUED, MessageStatus.RETRYABLE])
def test_a_message_that_still_waits_when_patience_ends_is_lost(state: MessageStatus) -> None:
    campaign, log = observed(MessageStatus.SENT, state)
    running = replace(campaign, status=CampaignStatus.RUNNING, held=PRICE)
    assert faults(compare([running], log, PRICE)) == {"lost": 1}
