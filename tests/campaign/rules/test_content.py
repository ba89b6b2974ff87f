"""Something to send, and not too much of it."""

import pytest

from campaign.model import DraftRecipient, Policy
from campaign.refusals import SHOWN_MAX, RefusalCode
from campaign.rules.content import check
from tests.campaign.making import draft, number, recipients, result, unchecked

SIX_FORTY = Policy(text_length_max=640)


def test_a_message_without_text_and_media_is_refused() -> None:
    people = [DraftRecipient(number(0)), DraftRecipient(number(1), text="")]
    assert result(check(unchecked(draft(people)))) == [
        (RefusalCode.CONTENT_MISSING, "recipients[1].text")
    ]


def test_media_alone_is_enough() -> None:
    people = recipients(1, text="", media_url="https://media.example/a.png")
    assert list(check(unchecked(draft(people)))) == []


@pytest.mark.parametrize("letter", ["a", "€", "ж", "😀"])
def test_a_text_may_have_640_code_points_of_any_kind_and_no_more(letter: str) -> None:
    assert list(check(unchecked(draft(1, text=letter * 640, policy=SIX_FORTY)))) == []
    assert result(check(unchecked(draft(1, text=letter * 641, policy=SIX_FORTY)))) == [
        (RefusalCode.CONTENT_TOO_LONG, "recipients[0].text")
    ]


def test_a_text_of_a_message_with_media_is_measured_too() -> None:
    people = recipients(1, text="a" * 641, media_url="https://media.example/a.png")
    assert result(check(unchecked(draft(people, policy=SIX_FORTY)))) == [
        (RefusalCode.CONTENT_TOO_LONG, "recipients[0].text")
    ]


def test_a_readable_number_of_faults_is_told() -> None:
    assert len(list(check(unchecked(draft(100, text=""))))) == SHOWN_MAX
