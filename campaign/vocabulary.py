"""The words and sentences of keywords, read from ``words/keywords.toml`` and compiled once."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from campaign.keywords import Keyword, KeywordSettings
from campaign.text import plain

# Texts of so many different vocabularies are read without building one again.
VOCABULARIES_MAX = 64
_APOSTROPHES = re.compile("['`´]")
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")


@dataclass(frozen=True, slots=True)
class Language:
    """One language, folded and compiled; see the head of ``words/keywords.toml`` for each kind."""

    polite: frozenset[str]
    filler: frozenset[str]
    strong: frozenset[str]
    connectors: frozenset[str]
    support: re.Pattern[str]
    sentences: re.Pattern[str]
    review: re.Pattern[str]
    unspaced: bool


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words and languages of one account."""

    words: Mapping[Keyword, frozenset[str]]
    polite: frozenset[str]
    languages: Sequence[Language]
    unspaced_words: Mapping[Keyword, frozenset[str]]


def keyword_languages() -> Mapping[str, Mapping[Keyword, Sequence[str]]]:
    """The words of each language, by its ISO 639-1 code."""
    return {
        code: {keyword: tuple(entry[keyword.value]) for keyword in Keyword}
        for code, entry in _data().items()
    }


def is_keyword(word: str) -> bool:
    """True if a text can consist of this word: it has a letter, and at most 30 characters."""
    return len(word) <= 30 and any(character.isalpha() for character in word)


def fold(text: str) -> str:
    """A text in lower case, without accents, apostrophes and letters held down."""
    return _REPEATED.sub(r"\1", _APOSTROPHES.sub("", plain(text))).replace("ـ", "")


def words_of(text: str) -> str:
    """The words of a folded text with one space between them; all else is dropped."""
    shown = (
        character if unicodedata.category(character)[0] in "LMN" else " " for character in text
    )
    return " ".join("".join(shown).split())


def _phrase(word: str) -> str:
    return words_of(fold(word))


def _pattern(entries: Iterable[str], parts: Mapping[str, str]) -> re.Pattern[str]:
    """A pattern of any of the entries, folded, with ``{name}`` replaced by the part."""
    joined = "|".join(entries)
    # A part may have other parts.
    for _ in range(2):
        for name, part in parts.items():
            joined = joined.replace(f"{{{name}}}", part)
    return re.compile(_APOSTROPHES.sub("", plain(joined)).replace("(", "(?:"))


@cache
def _data() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files(__package__).joinpath("words/keywords.toml").read_text("utf-8"))


@cache
def _language(code: str) -> Language:
    entry = _data()[code]
    parts = entry["parts"]
    unspaced = entry.get("unspaced", False)
    polite = frozenset(map(_phrase, entry["polite"]))
    return Language(
        polite=polite,
        filler=polite | frozenset(map(_phrase, entry["lead"])),
        strong=frozenset(map(_phrase, entry["strong"])) | {"stop", "unsubscribe"},
        connectors=frozenset(map(_phrase, entry.get("connectors", ()))),
        support=_pattern(entry["support"], parts),
        sentences=_sentences(entry, parts),
        review=_review(entry["review"], parts, unspaced),
        unspaced=unspaced,
    )


def _sentences(entry: Mapping[str, Any], parts: Mapping[str, str]) -> re.Pattern[str]:
    """The sentences, with a supporting one beside them or a strong word."""
    asks = "|".join(entry["sentences"])
    if entry.get("unspaced"):
        return _pattern([asks], parts)
    support, strong, polite = ("|".join(entry[name]) for name in ("support", "strong", "polite"))
    beside = f"(({support}) )(({polite}) )?"
    whole = f"({beside})?({asks})( ({support}))?|{beside}({strong}|stop|unsubscribe)"
    return _pattern([whole], parts)


def _review(entries: Iterable[str], parts: Mapping[str, str], unspaced: bool) -> re.Pattern[str]:
    found = _pattern(entries, parts)
    return found if unspaced else re.compile(rf"(?:(?<= )|^)(?:{found.pattern})(?= |$)")


@lru_cache(VOCABULARIES_MAX)
def vocabulary_of(settings: KeywordSettings) -> Vocabulary:
    """The words and languages by which the texts to an account are read."""
    data = _data()
    codes = [code for code in data if settings.languages is None or code in settings.languages]
    languages = [_language(code) for code in codes]
    own = {
        Keyword.STOP: (*settings.stop, *data["en"]["stop"]),
        Keyword.START: settings.start,
        Keyword.HELP: settings.help,
    }
    words = {
        keyword: frozenset(
            phrase
            for word in (*own[keyword], *(w for code in codes for w in data[code][keyword.value]))
            if (phrase := _phrase(word))
        )
        for keyword in Keyword
    }
    # What an account adds to one kind it takes from the others, but never from STOP.
    words[Keyword.HELP] -= words[Keyword.STOP]
    words[Keyword.START] -= words[Keyword.STOP]
    unspaced_codes = [code for code in codes if data[code].get("unspaced")]
    unspaced = {
        keyword: frozenset(
            phrase.replace(" ", "")
            for word in (
                *own[keyword],
                *(w for c in unspaced_codes for w in data[c][keyword.value]),
            )
            if (phrase := _phrase(word))
        )
        for keyword in Keyword
    }
    polite = frozenset().union(*(one.polite for one in languages if not one.unspaced))
    return Vocabulary(words, polite, languages, unspaced)
