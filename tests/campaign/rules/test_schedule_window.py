"""How far ahead and how long ago a schedule may be."""

import pytest

from campaign.instants import DAY, HOUR, Instant
from campaign.model import DraftRecipient, Policy
from campaign.refusals import SHOWN_MAX, RefusalCode
from campaign.rules.schedule_window import check
from tests.campaign.making import NOW, draft, number, recipients, result, unchecked

TWO_WEEKS = Policy(schedule_ahead_max=14 * DAY)


@pytest.mark.parametrize("ahead", [-HOUR + 1, -1, 0, 1, 13 * DAY, 14 * DAY])
def test_less_than_an_hour_ago_to_just_two_weeks_ahead_is_taken(ahead: Instant) -> None:
    assert list(check(unchecked(draft(1, scheduled_at=NOW + ahead, policy=TWO_WEEKS)))) == []


@pytest.mark.parametrize("ahead", [-DAY, -HOUR, 14 * DAY + 1, 400 * DAY])
def test_an_hour_ago_or_more_than_two_weeks_ahead_is_refused(ahead: Instant) -> None:
    assert result(check(unchecked(draft(1, scheduled_at=NOW + ahead, policy=TWO_WEEKS)))) == [
        (RefusalCode.SCHEDULE_INVALID, "scheduleDateTime")
    ]


def test_the_refusal_says_which_end_of_the_window_was_passed() -> None:
    (late,) = check(unchecked(draft(1, scheduled_at=NOW + 15 * DAY, policy=TWO_WEEKS)))
    (early,) = check(unchecked(draft(1, scheduled_at=NOW - DAY, policy=TWO_WEEKS)))
    assert "14 days" in late.message
    assert "past" in early.message


def test_a_recipients_own_hour_is_judged_at_its_place() -> None:
    people = [
        DraftRecipient(number(0), scheduled_at=NOW + DAY),
        DraftRecipient(number(1), scheduled_at=NOW - 2 * HOUR),
        DraftRecipient(number(2)),
    ]
    assert result(check(unchecked(draft(people)))) == [
        (RefusalCode.SCHEDULE_INVALID, "recipients[1].scheduleDateTime")
    ]


def test_a_readable_number_of_faults_is_told() -> None:
    people = recipients(100, scheduled_at=NOW - DAY)
    assert len(list(check(unchecked(draft(people))))) == SHOWN_MAX
