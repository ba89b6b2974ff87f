"""Message text: ``{{FIELD}}`` filled in once, segments counted as the networks count them."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

_FIELD = re.compile(r"\{\{\s*([A-Za-z0-9_.\-]{1,64})\s*\}\}")

# 3GPP TS 23.038, 6.2.1: the default alphabet and its extension table.
_GSM7 = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_EXTENSION = "\f^{}\\[~]|€"
_ALL_GSM7 = re.compile(f"[{re.escape(_GSM7 + _GSM7_EXTENSION)}]*")
_EXTENDED = re.compile(f"[{re.escape(_GSM7_EXTENSION)}]")
_BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]")

# Controls but for tab and line ends, bidi overrides that can disguise a link, lone surrogates,
# private use and non-characters.
_BAD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff\U000f0000-\U0010ffff]"
)


class Filled(NamedTuple):
    """A template with its fields put in, and the names that had no value."""

    text: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Segments:
    """How a text travels: its alphabet, its length in septets or UTF-16 units, its parts."""

    encoding: Literal["gsm7", "ucs2"]
    units: int
    count: int


def fill(template: str, fields: Mapping[str, str]) -> Filled:
    """Put ``fields`` into ``{{NAME}}`` tags, in one pass (seed 004_fbbb4dde654ffae7.txt).

    A name is looked up as written, then without regard to case; a missing one becomes empty
    and is reported. Values are plain text: what looks like a tag in them stays as it is.
    """
    folded = {name.casefold(): value for name, value in fields.items()}
    missing: list[str] = []

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        value = fields.get(name, folded.get(name.casefold()))
        if value is None:
            missing.append(name)
            return ""
        return value

    text = _FIELD.sub(value_of, template)
    return Filled(text, tuple(dict.fromkeys(missing)))


@lru_cache(maxsize=10_000)
def segment(text: str) -> Segments:
    """Count the segments of a text (3GPP TS 23.038 and 23.040, 9.2.3.24.1).

    160 septets fit one GSM-7 message and 153 each part of a longer one; 70 and 67 UTF-16 units
    in UCS-2. An escape pair or surrogate pair is never cut in two. An empty text is one segment.
    """
    if _ALL_GSM7.fullmatch(text):
        units = len(text) + len(_EXTENDED.findall(text))
        return Segments("gsm7", units, _parts(text, units, 160, 153, _EXTENDED))
    units = len(text) + len(_BEYOND_BMP.findall(text))
    return Segments("ucs2", units, _parts(text, units, 70, 67, _BEYOND_BMP))


def _parts(text: str, units: int, single: int, part: int, double: re.Pattern[str]) -> int:
    if units <= single:
        return 1
    if units == len(text):
        return -(-units // part)
    count, room = 1, part
    for character in text:
        width = 2 if double.match(character) else 1
        if width > room:
            count, room = count + 1, part
        room -= width
    return count


def bad_character(text: str) -> str | None:
    """Name the first character that may not be in a text (``U+0007``), None where all may."""
    found = _BAD.search(text)
    return None if found is None else f"U+{ord(found[0]):04X}"


_INVISIBLE = re.compile("[\u00ad\u034f\u180e\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_PIECE = 64
_QUOTES_AND_DASHES = str.maketrans("‘’ʼ‛`‐‑‒–—", "'''''-----")


def visible(text: str) -> str:
    """Leave out what nobody sees: soft hyphens, joiners, variation selectors."""
    return text if text.isascii() else _INVISIBLE.sub("", text)


@lru_cache(maxsize=10_000)
def plain(text: str) -> str:
    """Fold a text for word matching: no case, accents, full-width forms or invisible letters.

    Runs of spaces and line ends become one space, and curly quotes and long dashes plain ones,
    so that a line break hides no phrase.
    """
    if not text.isascii():
        # In pieces: a long run of accents takes the square of its length to put in order, and in
        # which order they are dropped does not matter.
        seen = _INVISIBLE.sub("", text)
        pieces = (seen[start : start + _PIECE] for start in range(0, len(seen), _PIECE))
        decomposed = (unicodedata.normalize("NFKD", piece) for piece in pieces)
        text = "".join(c for piece in decomposed for c in piece if not unicodedata.combining(c))
        text = text.translate(_QUOTES_AND_DASHES)
    return " ".join(text.split()).casefold()


# Digits and signs that imitate letters inside a word, and letters of other scripts that look
# like Latin ones.
_IMITATIONS = str.maketrans("0134578@$!", "oieastbasi")
_HOMOGLYPHS = str.maketrans("аеорсухіјѕԁɡһӏвмнткοαινρκτ", "aeopcyxijsdghlbmhtkoaivpkt")
_MASKED = re.compile(r"(?<![a-z0-9])[0-9@$]?[a-z]+(?:[0-9@$!]{1,2}[a-z]+)*(?![a-z])")
# Quick looks, for most words are written as they are meant.
_LONE_LETTER = re.compile(r"[ .*_-][^\W_][ .*_-]")
_SIGN_IN_WORD = re.compile("[0-9@$!][a-z]")
# Whole words that are made of Latin letters and their look-alikes alone.
_FOREIGN = re.compile(r"(?<![^\W\d_])[a-zаеорсухіјѕԁɡһӏвмнткοαινρκτ]{2,}(?![^\W\d_])")
_SPACED = re.compile(r"(?<!\w)[^\W_](?P<gap>[ .*_-])(?:[^\W_](?P=gap))+[^\W_](?!\w)")


@lru_cache(maxsize=10_000)
def unmasked(text: str) -> str:
    """Read a folded text as its writer means it: ``s3x``, ``p o r n`` and Cyrillic ``саrd``.

    Only words are touched, so that ``20:15`` and ``$5`` stay what they are.
    """
    if not text.isascii():
        text = _FOREIGN.sub(lambda word: word[0].translate(_HOMOGLYPHS), text)
    if _LONE_LETTER.search(text):
        text = _SPACED.sub(lambda run: run[0].replace(run["gap"], ""), text)
    if _SIGN_IN_WORD.search(text) is None:
        return text
    return _MASKED.sub(lambda word: word[0].translate(_IMITATIONS), text)
