"""Idempotency keys of a request and of its recipients."""

from campaign.model import DraftRecipient
from campaign.refusals import SHOWN_MAX, RefusalCode
from campaign.rules.keys import check
from tests.campaign.making import draft, number, recipients, result, unchecked


def test_a_request_without_keys_is_fine() -> None:
    assert list(check(unchecked(draft(3)))) == []


def test_well_formed_keys_at_both_levels_are_fine() -> None:
    assert list(check(unchecked(draft(recipients(2, key="a:b@c-d_(e)"), key="batch-1")))) == []


def test_a_faulty_key_is_refused_at_its_own_place() -> None:
    people = [DraftRecipient(number(0), key="fine"), DraftRecipient(number(1), key="not fine")]
    assert result(check(unchecked(draft(people, key="x")))) == [
        (RefusalCode.KEY_INVALID, "idempotencyKey"),
        (RefusalCode.KEY_INVALID, "recipients[1].idempotencyKey"),
    ]


def test_an_empty_key_is_a_faulty_one() -> None:
    assert result(check(unchecked(draft(1, key="")))) == [
        (RefusalCode.KEY_INVALID, "idempotencyKey")
    ]


def test_a_readable_number_of_faults_is_told() -> None:
    assert len(list(check(unchecked(draft(recipients(100, key=".")))))) == SHOWN_MAX
