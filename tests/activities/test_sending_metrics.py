"""What is counted of sending, under labels of few values."""

from importlib import import_module

import pytest

from activities.sending_metrics import WORDS, count_claim, count_outcome, reason_label
from campaign.handoffs import Handoff
from campaign.ports import ClaimResult
from campaign.states import MessageStatus
from carriers import CARRIERS
from carriers.classify import Verdicts
from telemetry.metrics import REGISTRY


def value(name: str, **labels: str) -> float:
    """What a metric says, 0 while it has not been counted."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_codes_that_a_carrier_makes_up_share_a_label() -> None:
    assert reason_label(None) == ""
    assert reason_label("timeout") == "timeout"
    assert {reason_label(f"http_{status}") for status in range(400, 500)} == {"http_4xx"}
    assert {reason_label(f"carrier_{code}") for code in range(1_000)} == {"carrier_code"}
    assert reason_label("+14155550123") == "other"


@pytest.mark.parametrize("name", CARRIERS)
def test_every_word_for_a_carriers_codes_is_a_label(name: str) -> None:
    for each in vars(import_module(f"carriers.{name}")).values():
        if isinstance(each, Verdicts):
            words = {*each.refusals.values(), *each.receipts.values()}
            assert words <= WORDS, name


def test_outcomes_are_counted_by_carrier_and_reason() -> None:
    labels = {"outcome": "failed", "carrier": "counted", "reason": "blocked"}
    before = value("godwit_messages_total", **labels)
    count_outcome(MessageStatus.FAILED, "counted", "blocked")
    assert value("godwit_messages_total", **labels) == before + 1


def test_a_claim_counts_segments_skipped_messages_and_waits() -> None:
    handoffs = [
        Handoff(position, 1, f"m-{position}", "sender", "to", "text", None, 3, carrier="claimed")
        for position in range(2)
    ]
    skipped = {"outcome": "skipped", "carrier": "", "reason": ""}
    before = value("godwit_messages_total", **skipped)
    waited = value("godwit_rate_waits_total", kind="sender")
    count_claim(ClaimResult(claimed=handoffs, skipped=4, waits_for="sender:acc:+18005559876"))
    assert value("godwit_rate_granted_segments_total", carrier="claimed") == 6
    assert value("godwit_messages_total", **skipped) == before + 4
    assert value("godwit_rate_waits_total", kind="sender") == waited + 1
