"""What people ask for when they write to us: to stop, to start, or help.

The words and sentences of each language are in ``words/keywords.toml`` with their sources. By
47 CFR 64.1200(a)(10) a person may stop in any reasonable words, so a short sentence acts too.
"""

import re
import tomllib
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from campaign.text import plain

# A longer text is never short enough to act; what it asks for is left to a person.
LENGTH_MAX = 320
KEYWORD_LENGTH_MAX = 160
# So much of a long text is searched for words.
SEARCHED_MAX = 2_000
# Texts of so many different vocabularies are read without building one again.
VOCABULARIES_MAX = 64


class Keyword(StrEnum):
    """What a text asks for."""

    STOP = "stop"
    START = "start"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text asks for, None for nothing; or that a person has to decide whether it asks."""

    keyword: Keyword | None = None
    needs_review: bool = False


@dataclass(frozen=True, slots=True)
class OptOutEvidence:
    """How a STOP or START came: ``text`` to ``address`` through ``carrier``, or by ``source``.

    ``source`` is "inbound", "api", "file" or "carrier"; ``reason`` is a carrier's code.
    """

    source: str
    carrier: str | None = None
    address: str | None = None
    text: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class KeywordSettings:
    """The languages (None: all) and own words of an account, and its answers to STOP and HELP.

    The English words of STOP always count. ``{{ACCOUNT}}`` in an answer is the account's name; an
    empty answer is none, None the default. With ``replies_paid`` answers cost credits.
    """

    languages: tuple[str, ...] | None = None
    stop: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
    stop_reply: str | None = None
    help_reply: str | None = None
    replies_paid: bool = False

    def reply(self, keyword: Keyword) -> str:
        """The answer to a keyword, empty if there is none."""
        match keyword:
            case Keyword.STOP:
                return DEFAULT_STOP_REPLY if self.stop_reply is None else self.stop_reply
            case Keyword.HELP:
                return DEFAULT_HELP_REPLY if self.help_reply is None else self.help_reply
        return ""


# Most carriers confirm a STOP themselves, and what is sent after a STOP must be meant.
DEFAULT_STOP_REPLY = ""
DEFAULT_HELP_REPLY = (
    "{{ACCOUNT}}: reply STOP to receive no more texts, START to receive them again."
)
DEFAULT_SETTINGS = KeywordSettings()


def read_keyword(
    body: str,
    settings: KeywordSettings = DEFAULT_SETTINGS,
    carrier_verdict: Keyword | None = None,
) -> Reading:
    """Read what a text asks for.

    A lone keyword acts, with polite words around it; so does a short text with a sentence that asks
    to stop. Any other text with a word of stopping needs review. ``carrier_verdict`` is what the
    carrier says that the text asks for: it counts beside our words, and STOP wins over all else.
    """
    reading = _read(body, _vocabulary(settings))
    if Keyword.STOP in (carrier_verdict, reading.keyword):
        return Reading(Keyword.STOP)
    return Reading(carrier_verdict) if carrier_verdict is not None else reading


def keyword_languages() -> Mapping[str, Mapping[Keyword, Sequence[str]]]:
    """The words of each language, by its ISO 639-1 code."""
    return {
        code: {keyword: tuple(entry[keyword.value]) for keyword in Keyword}
        for code, entry in _data().items()
    }


def is_keyword(word: str) -> bool:
    """True if a text can consist of this word: it has a letter, and at most 30 characters."""
    return len(word) <= 30 and any(character.isalpha() for character in word)


@dataclass(frozen=True, slots=True)
class _Language:
    """One language, compiled: phrases are tuples of folded words, or strings without spaces."""

    polite: frozenset[str]
    filler: frozenset[str]
    strong: frozenset[str]
    connectors: frozenset[str]
    support: re.Pattern[str]
    sentences: re.Pattern[str]
    review: re.Pattern[str]
    unspaced: bool


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """The words and languages of one account."""

    words: Mapping[Keyword, frozenset[str]]
    polite: frozenset[str]
    languages: Sequence[_Language]
    unspaced_words: Mapping[Keyword, frozenset[str]]


def _read(body: str, vocabulary: _Vocabulary) -> Reading:
    trimmed = body.strip()
    text = _fold(trimmed[:SEARCHED_MAX])
    clauses = [clause for part in _CLAUSE_END.split(text) if (clause := _words(part))]
    if not clauses:
        return Reading()
    if len(trimmed) <= KEYWORD_LENGTH_MAX:
        alone = _alone(clauses, vocabulary)
        if alone is not None:
            return Reading(alone)
    if len(trimmed) <= LENGTH_MAX and any(
        _asks_to_stop(clauses, language) for language in vocabulary.languages
    ):
        return Reading(Keyword.STOP)
    return Reading(needs_review=_has_stop_word(clauses, vocabulary))


def _alone(clauses: Sequence[str], vocabulary: _Vocabulary) -> Keyword | None:
    """The keyword of a text that has nothing but one keyword and polite words."""
    words = " ".join(clauses).split(" ")
    forms = [words]
    if len(words) > 1 and all(len(word) == 1 for word in words):
        forms.append(["".join(words)])
    squashed = "".join(words)
    for keyword in Keyword:
        phrases = vocabulary.words[keyword]
        if any(_consists(form, phrases, vocabulary.polite) for form in forms):
            return keyword
        if any(
            _consists(squashed, vocabulary.unspaced_words[keyword], language.polite, "")
            for language in vocabulary.languages
            if language.unspaced and not squashed.isascii()
        ):
            return keyword
    return None


def _consists(
    parts: Sequence[str], phrases: Collection[str], fillers: Collection[str], joint: str = " "
) -> bool:
    """True if ``parts`` are a sequence of phrases and fillers, with one phrase or more."""
    longest = _LONGEST if joint else _LONGEST_UNSPACED
    # Which ends can be reached, and whether with a phrase.
    reached: list[set[bool]] = [{False}] + [set() for _ in parts]
    for start in range(len(parts)):
        if not reached[start]:
            continue
        for end in range(start + 1, min(start + longest, len(parts)) + 1):
            piece = joint.join(parts[start:end])
            if piece in phrases:
                reached[end].add(True)
            elif piece in fillers:
                reached[end] |= reached[start]
    return True in reached[-1]


def _asks_to_stop(clauses: Sequence[str], language: _Language) -> bool:
    """True if a clause is a sentence that asks to stop, or a strong word beside no other matter."""
    if language.unspaced:
        clauses = [clause.replace(" ", "") for clause in clauses]
        return any(language.sentences.fullmatch(clause) for clause in clauses)
    pieces = [
        piece for clause in clauses for piece in _pieces(clause.split(" "), language.connectors)
    ]
    bare = [_strip(piece, language.filler) for piece in pieces]
    # A filler at the start may be a part of the sentence.
    forms = [*bare, *(" ".join(piece) for piece in pieces)]
    forms += [_strip(piece, language.polite) for piece in pieces]
    forms += [_strip(clause.split(" "), language.filler) for clause in clauses]
    if any(language.sentences.fullmatch(form) for form in forms):
        return True
    others = [clause for clause in bare if clause and clause not in language.strong]
    has_strong = any(clause in language.strong for clause in bare)
    return has_strong and all(language.support.fullmatch(clause) for clause in others)


def _pieces(words: Sequence[str], connectors: Collection[str]) -> Iterator[list[str]]:
    piece: list[str] = []
    for word in words:
        if word in connectors:
            yield piece
            piece = []
        else:
            piece.append(word)
    yield piece


def _strip(words: list[str], fillers: Collection[str]) -> str:
    """The words without fillers at both ends."""
    start, end = 0, len(words)
    moved = True
    while moved:
        moved = False
        for length in range(min(_LONGEST, end - start), 0, -1):
            if " ".join(words[start : start + length]) in fillers:
                start, moved = start + length, True
                break
    moved = True
    while moved:
        moved = False
        for length in range(min(_LONGEST, end - start), 0, -1):
            if " ".join(words[end - length : end]) in fillers:
                end, moved = end - length, True
                break
    return " ".join(words[start:end])


def _has_stop_word(clauses: Sequence[str], vocabulary: _Vocabulary) -> bool:
    text = " ".join(clauses)
    words = text.split(" ")
    stops = vocabulary.words[Keyword.STOP]
    if any(
        " ".join(words[start:end]) in stops
        for start in range(len(words))
        for end in range(start + 1, min(start + _LONGEST, len(words)) + 1)
    ):
        return True
    squashed = text.replace(" ", "")
    if any(
        word in squashed
        for word in vocabulary.unspaced_words[Keyword.STOP]
        if len(word) > 1 and not word.isascii()
    ):
        return True
    return any(
        language.review.search(squashed if language.unspaced else text)
        for language in vocabulary.languages
    )


_LONGEST = 6
_LONGEST_UNSPACED = 12
_APOSTROPHES = re.compile("['`´]")
_CLAUSE_END = re.compile(r"[.!?;:,()\"“”«»\n…。、،؛؟।|/]+")
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")


def _fold(text: str) -> str:
    """A text in lower case, without accents, apostrophes and letters held down."""
    return _REPEATED.sub(r"\1", _APOSTROPHES.sub("", plain(text))).replace("ـ", "")


def _words(text: str) -> str:
    """The words of a folded text with one space between them; all else is dropped."""
    shown = (
        character if unicodedata.category(character)[0] in "LMN" else " " for character in text
    )
    return " ".join("".join(shown).split())


def _phrase(word: str) -> str:
    return _words(_fold(word))


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
def _language(code: str) -> _Language:
    entry = _data()[code]
    parts = entry["parts"]
    unspaced = entry.get("unspaced", False)
    polite = frozenset(map(_phrase, entry["polite"]))
    return _Language(
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
def _vocabulary(settings: KeywordSettings) -> _Vocabulary:
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
    return _Vocabulary(words, polite, languages, unspaced)
