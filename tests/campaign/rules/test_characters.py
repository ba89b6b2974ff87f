"""Characters that no handset should get."""

from campaign.model import DraftRecipient
from campaign.refusals import SHOWN_MAX, RefusalCode
from campaign.rules.characters import check
from tests.campaign.making import draft, number, result, unchecked


def test_a_control_character_is_refused_where_it_stands_and_named() -> None:
    people = [DraftRecipient(number(0)), DraftRecipient(number(1), text="ring \x07 ring")]
    (refusal,) = check(unchecked(draft(people)))
    assert (refusal.code, refusal.place) == (
        RefusalCode.CHARACTERS_INVALID,
        "recipients[1].text",
    )
    assert "U+0007" in refusal.message
    assert "ring" not in refusal.message


def test_texts_of_all_scripts_and_emoji_are_fine() -> None:
    texts = ["Grüße\r\nan alle", "Привет", "你好", "مرحبا", "👩‍👩‍👧‍👦 €", "tab\there"]
    people = [DraftRecipient(number(index), text=text) for index, text in enumerate(texts)]
    assert list(check(unchecked(draft(people)))) == []


def test_an_override_that_could_disguise_a_link_is_refused() -> None:
    assert result(check(unchecked(draft(1, text="see \u202emoc.elpmaxe")))) == [
        (RefusalCode.CHARACTERS_INVALID, "recipients[0].text")
    ]


def test_a_readable_number_of_faults_is_told() -> None:
    assert len(list(check(unchecked(draft(100, text="\x00"))))) == SHOWN_MAX
