"""Reading what a text asks for: to stop, to start, or help.

By 47 CFR 64.1200(a)(10) a person may stop in any reasonable words, so a short sentence acts too.
"""

import re
from collections.abc import Collection, Iterator, Sequence

from campaign.keywords import DEFAULT_SETTINGS, Keyword, KeywordSettings, Reading
from campaign.vocabulary import Language, Vocabulary, fold, vocabulary_of, words_of

# A longer text is never short enough to act; what it asks for is left to a person.
LENGTH_MAX = 320
KEYWORD_LENGTH_MAX = 160
# So much of a long text is searched for words.
SEARCHED_MAX = 2_000
# The most words of a phrase, and characters of one without spaces.
_LONGEST = 6
_LONGEST_UNSPACED = 12
_CLAUSE_END = re.compile(r"[.!?;:,()\"“”«»…。、،؛؟।|/]+")


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
    reading = _read(body, vocabulary_of(settings))
    if Keyword.STOP in (carrier_verdict, reading.keyword):
        return Reading(Keyword.STOP)
    return Reading(carrier_verdict) if carrier_verdict is not None else reading


def _read(body: str, vocabulary: Vocabulary) -> Reading:
    trimmed = body.strip()
    text = fold(trimmed[:SEARCHED_MAX])
    clauses = [clause for part in _CLAUSE_END.split(text) if (clause := words_of(part))]
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


def _alone(clauses: Sequence[str], vocabulary: Vocabulary) -> Keyword | None:
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


def _asks_to_stop(clauses: Sequence[str], language: Language) -> bool:
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


def _has_stop_word(clauses: Sequence[str], vocabulary: Vocabulary) -> bool:
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
