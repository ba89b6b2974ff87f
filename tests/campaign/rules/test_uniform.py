"""SMS and MMS in one request."""

import pytest

from campaign.model import DraftRecipient, Policy
from campaign.refusals import RefusalCode
from campaign.rules.uniform import check
from tests.campaign.making import draft, number, recipients, result, unchecked

MEDIA = "https://media.example/cat.gif"
MIXED = [DraftRecipient(number(0)), DraftRecipient(number(1), media_url=MEDIA)]


def test_mixed_kinds_are_fine_unless_the_account_is_strict() -> None:
    assert list(check(unchecked(draft(MIXED)))) == []


def test_mixed_kinds_are_refused_where_the_account_is_strict() -> None:
    assert result(check(unchecked(draft(MIXED, policy=Policy(uniform=True))))) == [
        (RefusalCode.MIXED_KINDS, "recipients")
    ]


@pytest.mark.parametrize("media_url", [None, MEDIA])
def test_one_kind_is_fine_for_a_strict_account(media_url: str | None) -> None:
    people = recipients(3, media_url=media_url)
    assert list(check(unchecked(draft(people, policy=Policy(uniform=True))))) == []
