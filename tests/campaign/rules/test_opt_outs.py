"""The words by which people leave and come back."""

import pytest

from campaign.rules.opt_outs import Keyword, read_keyword


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
    assert read_keyword(body) is Keyword.STOP


@pytest.mark.parametrize("body", ["START", "Unstop", "subscribe!", "opt in"])
def test_a_word_of_coming_back_is_understood(body: str) -> None:
    assert read_keyword(body) is Keyword.START


@pytest.mark.parametrize("body", ["HELP", "help?", "Info", "aide"])
def test_a_call_for_help_is_understood(body: str) -> None:
    assert read_keyword(body) is Keyword.HELP


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
    assert read_keyword(body) is None
