"""The canonical records."""

from dataclasses import FrozenInstanceError

import pytest

from campaign.model import RECIPIENTS_MAX, DraftRecipient, Duplicates, Policy
from tests.campaign.making import draft, number


def test_a_policy_without_limits_of_its_own_takes_what_the_core_does() -> None:
    policy = Policy()
    assert (policy.recipients_min, policy.recipients_max) == (1, RECIPIENTS_MAX)
    assert (policy.duplicates, policy.uniform) == (Duplicates.SKIP, False)


def test_opt_outs_are_excluded_unless_a_draft_says_otherwise() -> None:
    assert draft().exclude_opt_outs is True
    assert draft(exclude_opt_outs=False).exclude_opt_outs is False


def test_a_recipient_has_no_fields_that_another_could_change() -> None:
    fields = DraftRecipient(number(0)).fields
    assert dict(fields) == {}
    with pytest.raises(TypeError):
        fields["name"] = "Ann"  # type: ignore[index]


def test_a_draft_cannot_be_changed_once_it_is_read() -> None:
    with pytest.raises(FrozenInstanceError):
        draft().text = "other"  # type: ignore[misc]
