"""The words by which people leave and come back."""

import pytest

from campaign.keyword_reading import read_keyword
from campaign.keywords import Keyword, KeywordSettings, Reading
from campaign.vocabulary import keyword_languages


@pytest.mark.parametrize(
    "body",
    [
        "STOP",
        "stop",
        " Stop. ",
        "STOP!!!",
        "'stop'",
        "Stop 🙏",
        "ＳＴＯＰ",
        "STOP\n",
        " " * 100 + "STOP" + " " * 100,
        "stop\nall",
        "StopAll",
        "Unsubscribe",
        "END",
        "Quit",
        "cancel",
        "Revoke",
        "Opt-Out",
        "OPTOUT",
        "Arrêt",
    ],
)
def test_every_word_of_leaving_is_understood_however_it_is_written(body: str) -> None:
    assert read_keyword(body).keyword is Keyword.STOP


@pytest.mark.parametrize("body", ["START", "Unstop", "subscribe!", "opt in"])
def test_a_word_of_coming_back_is_understood(body: str) -> None:
    assert read_keyword(body).keyword is Keyword.START


@pytest.mark.parametrize("body", ["HELP", "help?", "Info", "aide"])
def test_a_call_for_help_is_understood(body: str) -> None:
    assert read_keyword(body).keyword is Keyword.HELP


@pytest.mark.parametrize(
    "body",
    [
        "",
        "👍",
        "Don't stop",
        "please stop by at 5",
        "the end",
        "cancel my Tuesday booking",
        "nonstop",
        "stop" * 50,
    ],
)
def test_a_text_that_is_more_or_other_than_one_word_is_no_keyword(body: str) -> None:
    assert read_keyword(body).keyword is None


@pytest.mark.parametrize("body", ["Cancel 4", "10:30 cancel", "STOP 12345", "don't stop"])
def test_a_word_beside_digits_or_others_is_left_to_a_person(body: str) -> None:
    assert read_keyword(body) == Reading(needs_review=True)


def test_a_short_sentence_that_asks_to_stop_acts_and_a_long_text_is_left_to_a_person() -> None:
    assert read_keyword("please stop texting me") == Reading(Keyword.STOP)
    assert read_keyword("Please stop texting me. " + "I have much to tell. " * 20) == Reading(
        needs_review=True
    )


@pytest.mark.parametrize("verdict", Keyword)
def test_what_the_carrier_read_counts_beside_our_words(verdict: Keyword) -> None:
    assert read_keyword("oui oui", carrier_verdict=verdict) == Reading(verdict)
    assert read_keyword("Please stop texting me", carrier_verdict=verdict) == Reading(Keyword.STOP)


def test_an_account_has_words_of_its_own_in_each_kind() -> None:
    settings = KeywordSettings(stop=("Genug!", "sayonara"), start=("Los",), help=("¿Qué?",))
    assert read_keyword("genug bitte", settings) == Reading(Keyword.STOP)
    assert read_keyword("SAYONARA", settings) == Reading(Keyword.STOP)
    assert read_keyword("los", settings) == Reading(Keyword.START)
    assert read_keyword("Que", settings) == Reading(Keyword.HELP)
    assert read_keyword("Genug von Montag", settings) == Reading(needs_review=True)
    assert read_keyword("sayonara") == Reading()


def test_an_account_chooses_languages_and_the_words_of_the_law_always_count() -> None:
    settings = KeywordSettings(languages=("es",), start=("stop",), help=("cancel",))
    assert read_keyword("baja", settings) == Reading(Keyword.STOP)
    assert read_keyword("Abmelden", settings) == Reading()
    for word in ("stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"):
        assert read_keyword(word, settings) == Reading(Keyword.STOP), word


def test_the_words_cover_eleven_languages_and_each_acts() -> None:
    languages = keyword_languages()
    assert set(languages) == set("en es pt fr de id ru ar hi bn zh".split())
    for code, words in languages.items():
        for keyword, listed in words.items():
            assert listed
            for word in listed:
                assert read_keyword(word) == Reading(keyword), (code, word)
                own = read_keyword(word, KeywordSettings(languages=(code,)))
                assert own == Reading(keyword), (code, word)
