"""What a report holds before anything has been sent."""

from dataclasses import FrozenInstanceError

import pytest

from campaign.credits import Price
from campaign.ports import Tally
from campaign.report import Report


def report() -> Report:
    """A report of a campaign that waits."""
    return Report(
        campaign_id="cmp_1",
        status="scheduled",
        tally=Tally(total=2, queued=2),
        segments_sent=0,
        attempts=0,
        held=Price(sms=4),
        posted=Price(),
        voided=Price(),
    )


def test_a_report_of_nothing_sent_has_no_times_and_no_reasons() -> None:
    assert (report().first_sent_at, report().last_sent_at, report().reasons) == (None, None, {})


def test_two_reports_share_no_reasons() -> None:
    one, other = report(), report()
    one.reasons[("failed", "invalid_number")] = 1
    assert other.reasons == {}


def test_a_report_cannot_be_changed_afterwards() -> None:
    with pytest.raises(FrozenInstanceError):
        report().attempts = 1  # type: ignore[misc]
