"""A number twice in one request."""

import pytest

from campaign.model import DraftRecipient, Duplicates, Policy
from campaign.refusals import RefusalCode
from campaign.rules.duplicates import check, skip_repeats
from campaign.states import MessageStatus
from tests.campaign.making import draft, number, unchecked

TWICE = [DraftRecipient(number(index)) for index in (0, 1, 0, 2, 1, 0)]


def test_repeats_are_refused_at_the_first_of_them_and_counted() -> None:
    policy = Policy(duplicates=Duplicates.REFUSE)
    (refusal,) = check(unchecked(draft(TWICE, policy=policy)))
    assert (refusal.code, refusal.place) == (
        RefusalCode.DUPLICATE_RECIPIENTS,
        "recipients[2].to",
    )
    assert refusal.details == {"count": 3}


def test_a_list_without_repeats_is_fine() -> None:
    assert list(check(unchecked(draft(50, policy=Policy(duplicates=Duplicates.REFUSE))))) == []


@pytest.mark.parametrize("duplicates", [Duplicates.SKIP, Duplicates.ALLOW])
def test_repeats_are_no_fault_where_the_policy_skips_or_allows_them(
    duplicates: Duplicates,
) -> None:
    assert list(check(unchecked(draft(TWICE, policy=Policy(duplicates=duplicates))))) == []


def test_all_but_the_first_message_to_a_number_are_skipped() -> None:
    messages = unchecked(draft(TWICE)).messages
    skip_repeats(messages)
    skipped = [m.position for m in messages if m.status is MessageStatus.SKIPPED]
    assert skipped == [2, 4, 5]
    assert {m.reason for m in messages} == {None, "duplicate"}
