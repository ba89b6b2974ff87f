"""Why a message is in its state: codes and sentences, and when it is expected to leave."""

from dataclasses import replace

import pytest

from campaign.explaining import Cause, Outlook, explain, reason_in_words
from campaign.ports import Tally
from campaign.states import CampaignStatus, MessageStatus
from campaign.views import CampaignView, MessageView
from tests.campaign.making import message_view

NOW = 1_800_000_000_000
CAMPAIGN = CampaignView(
    id="cmp_1",
    account_id="acc_1",
    dialect="native",
    status=CampaignStatus.RUNNING,
    name=None,
    sender=None,
    total=1,
    created_at=NOW,
    scheduled_at=None,
    spread_hours=0,
    base_at=NOW,
    key=None,
    payload_hash="",
    refusals=[],
    started_at=NOW,
    finished_at=None,
    tally=Tally(total=1, queued=1),
)
MESSAGE = message_view(
    sender="GODWIT",
    status=MessageStatus.QUEUED,
    attempts=0,
    sent_at=None,
    final_at=None,
    carrier_id=None,
    country=None,
)


def codes(campaign: CampaignView, message: MessageView, outlook: Outlook | None) -> list[str]:
    """The codes of all causes."""
    return [cause.code for cause in explain(campaign, message, outlook, NOW).because]


def test_a_message_that_nothing_holds_is_ready_and_leaves_now() -> None:
    why = explain(CAMPAIGN, MESSAGE, Outlook(NOW), NOW)
    assert (why.state, why.expected_at) == (MessageStatus.QUEUED, NOW)
    assert [cause.code for cause in why.because] == ["ready"]


def test_what_is_late_for_a_rate_is_expected_when_the_rate_lets_it_go() -> None:
    later = replace(MESSAGE, due_at=NOW + 5_000)
    why = explain(CAMPAIGN, later, Outlook(NOW + 60_000, limited_by="sender GODWIT"), NOW)
    assert [cause.code for cause in why.because] == ["not_due", "rate_limited"]
    assert "sender GODWIT" in why.because[1].detail
    assert why.expected_at == NOW + 60_000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"status": CampaignStatus.PAUSED}, "campaign_paused"),
        ({"status": CampaignStatus.PAUSED, "problem": "stopped"}, "stopped"),
        ({"status": CampaignStatus.DRAFT}, "campaign_draft"),
        ({"problem": "workflow_lost"}, "workflow_lost"),
    ],
)
def test_what_a_campaign_holds_leaves_at_a_time_that_nobody_knows(
    change: dict[str, object], code: str
) -> None:
    held = replace(CAMPAIGN, **change)  # type: ignore[arg-type]
    why = explain(held, MESSAGE, Outlook(NOW), NOW)
    assert [cause.code for cause in why.because] == [code]
    assert why.expected_at is None


def test_a_carrier_that_is_down_is_named() -> None:
    why = explain(CAMPAIGN, MESSAGE, Outlook(NOW, down="pretend"), NOW)
    assert why.because == (Cause("carrier_down", "its carrier does not answer (pretend)"),)
    assert why.expected_at is None


def test_what_happened_comes_before_what_it_waits_for() -> None:
    put_off = replace(MESSAGE, status=MessageStatus.RETRYABLE, error="timeout", due_at=NOW + 5_000)
    assert codes(CAMPAIGN, put_off, Outlook(NOW + 5_000)) == ["timeout", "not_due"]


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (MessageStatus.SENDING, None, ["in_flight"]),
        (MessageStatus.SENT, "key_busy", ["no_receipt"]),
        (MessageStatus.DELIVERED, None, ["receipt"]),
        (MessageStatus.UNDELIVERED, "expired", ["expired"]),
        (MessageStatus.FAILED, "invalid_number", ["invalid_number"]),
        (MessageStatus.SKIPPED, "opted_out", ["opted_out"]),
        (MessageStatus.CANCELLED, "campaign_cancelled", ["campaign_cancelled"]),
        (MessageStatus.UNKNOWN, "timeout", ["timeout"]),
    ],
)
def test_what_no_longer_waits_has_its_reason_alone(
    status: MessageStatus, reason: str | None, expected: list[str]
) -> None:
    message = replace(MESSAGE, status=status, reason=reason)
    why = explain(CAMPAIGN, message, None, NOW)
    assert [cause.code for cause in why.because] == expected
    assert (why.state, why.expected_at) == (status, None)


def test_a_reason_without_words_stays_as_it_is() -> None:
    assert reason_in_words("opted_out") == "the recipient opted out"
    assert reason_in_words("code_4711") == "code_4711"
