"""Opt-out keywords: how people opt out and in by text (47 CFR 64.1200(a)(10), CTIA)."""

import re
from enum import StrEnum

from campaign.text import plain


class Keyword(StrEnum):
    """What a text that is only a keyword requests."""

    STOP = "stop"
    START = "start"
    HELP = "help"


_WORDS = {
    Keyword.STOP: (
        "stop stopall end quit cancel unsubscribe revoke optout remove arret td".split()
        + ["stop all", "opt out"]
    ),
    Keyword.START: ["start", "unstop", "subscribe", "optin", "opt in"],
    Keyword.HELP: ["help", "info", "aide"],
}
_BY_WORD = {word: keyword for keyword, words in _WORDS.items() for word in words}
_NOT_LETTERS = re.compile(r"[^a-z]+")


def read_keyword(body: str) -> Keyword | None:
    """The keyword of a reply; None if it is anything but one keyword.

    Case, accents, punctuation and emoji are ignored.
    """
    if len(body.strip()) > 160:
        return None
    return _BY_WORD.get(_NOT_LETTERS.sub(" ", plain(body)).strip())
