"""Message texts: counting segments, finding what is invalid, folding for word lists.

Texts are in Normalization Form C (NFC) before they are counted, checked or stored.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from campaign.text_cache import LENGTH_MAX, text_cache

# 3GPP TS 23.038, 6.2.1: the default alphabet and its extension table.
_GSM7 = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_EXTENSION = "\f^{}\\[~]|€"
_ALL_GSM7 = re.compile(f"[{re.escape(_GSM7 + _GSM7_EXTENSION)}]*")
_NOT_GSM7 = re.compile(f"[^{re.escape(_GSM7 + _GSM7_EXTENSION)}]")
_EXTENDED = re.compile(f"[{re.escape(_GSM7_EXTENSION)}]")
_BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]")

# Controls except tab and line ends, bidi overrides (they can disguise a link), lone surrogates,
# private use and non-characters.
_BAD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff\U000f0000-\U0010ffff]"
)
_LINE_ENDS = re.compile("[\t\n\r\u2028\u2029]")
# Isolates and embeddings, which libraries put around names. Overrides stay, and are refused.
_ISOLATES = re.compile("[\u202a-\u202c\u2066-\u2069]")
# What is shown as nothing: white space, format characters, fillers and variation selectors.
_SEEN = re.compile(
    "[^\\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Sorting a run of accents takes quadratic time. No valid text is longer than a piece.
_NFC_PIECE = re.compile("[\x00-\x7f]*[^\x00-\x7f]{1,2048}|[\x00-\x7f]+")


@dataclass(frozen=True, slots=True)
class Segments:
    """The encoding of a text, its length in septets or UTF-16 units, and its segments."""

    encoding: Literal["gsm7", "ucs2"]
    units: int
    count: int


def clean(text: str) -> str:
    """A text in NFC, without directional isolates and embeddings."""
    if text.isascii():
        return text
    # A printable text has no format characters.
    return nfc(text if text.isprintable() else _ISOLATES.sub("", text))


def nfc(text: str) -> str:
    """A text in NFC, in time proportional to its length."""
    if len(text) <= LENGTH_MAX:
        return unicodedata.normalize("NFC", text)
    pieces = _NFC_PIECE.findall(text)
    return "".join(unicodedata.normalize("NFC", piece) for piece in pieces)


def is_blank(text: str) -> bool:
    """True if nothing of a text can be seen."""
    return _SEEN.search(text) is None


def is_line(text: str) -> bool:
    """True if a text is one line of valid characters: a name."""
    return _BAD.search(text) is None and _LINE_ENDS.search(text) is None


@text_cache()
def segment(text: str) -> Segments:
    """Count the segments of a text (3GPP TS 23.038 and 23.040, 9.2.3.24.1).

    160 septets fit one GSM-7 message and 153 each part of a longer one; 70 and 67 UTF-16 units
    in UCS-2. Escape pairs and surrogate pairs are never split. An empty text is one segment.
    """
    if is_gsm7(text):
        units = len(text) + len(_EXTENDED.findall(text))
        return Segments("gsm7", units, _parts(text, units, 160, 153, _EXTENDED))
    units = len(text) + len(_BEYOND_BMP.findall(text))
    return Segments("ucs2", units, _parts(text, units, 70, 67, _BEYOND_BMP))


def is_gsm7(text: str) -> bool:
    """True if GSM-7 can encode a text."""
    return _ALL_GSM7.fullmatch(text) is not None


def gsm7_lacks(text: str) -> list[str]:
    """The characters of a text that GSM-7 cannot encode, each as often as it is there."""
    return _NOT_GSM7.findall(text)


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
    """The first invalid character of a text (``U+0007``), None if all are valid."""
    found = _BAD.search(text)
    return None if found is None else f"U+{ord(found[0]):04X}"


_INVISIBLE = re.compile("[\u00ad\u034f\u180e\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_PIECE = 64
_QUOTES_AND_DASHES = str.maketrans("‘’ʼ‛`‐‑‒–—", "'''''-----")


def visible(text: str) -> str:
    """Remove invisible characters: soft hyphens, joiners, variation selectors."""
    return text if text.isascii() else _INVISIBLE.sub("", text)


@text_cache()
def plain(text: str) -> str:
    """Fold a text for word lists: no case, accents, full-width forms or invisible characters.

    Runs of white space become one space, so that a line break hides no phrase; curly quotes and
    long dashes become plain ones.
    """
    if not text.isascii():
        # In pieces: sorting a long run of accents takes quadratic time, and their order does not
        # matter because they are removed.
        seen = _INVISIBLE.sub("", text)
        pieces = (seen[start : start + _PIECE] for start in range(0, len(seen), _PIECE))
        decomposed = (unicodedata.normalize("NFKD", piece) for piece in pieces)
        text = "".join(c for piece in decomposed for c in piece if not unicodedata.combining(c))
        text = text.translate(_QUOTES_AND_DASHES)
    return " ".join(text.split()).casefold()


# Digits and signs that imitate letters in a word, and look-alikes of Latin letters.
_IMITATIONS = str.maketrans("0134578@$!", "oieastbasi")
_HOMOGLYPHS = str.maketrans("аеорсухіјѕԁɡһӏвмнткοαινρκτ", "aeopcyxijsdghlbmhtkoaivpkt")
_MASKED = re.compile(r"(?<![a-z0-9])[0-9@$]?[a-z]+(?:[0-9@$!]{1,2}[a-z]+)*(?![a-z])")
# Quick checks, because most texts have no disguised words.
_LONE_LETTER = re.compile(r"[ .*_-][^\W_][ .*_-]")
_SIGN_IN_WORD = re.compile("[0-9@$!][a-z]")
# Words of only Latin letters and their look-alikes.
_FOREIGN = re.compile(r"(?<![^\W\d_])[a-zаеорсухіјѕԁɡһӏвмнткοαινρκτ]{2,}(?![^\W\d_])")
_SPACED = re.compile(r"(?<!\w)[^\W_](?P<gap>[ .*_-])(?:[^\W_](?P=gap))+[^\W_](?!\w)")


@text_cache()
def unmasked(text: str) -> str:
    """Undo disguises in a folded text: ``s3x``, ``p o r n`` and Cyrillic ``саrd``.

    Changes words only, so that ``20:15`` and ``$5`` stay unchanged.
    """
    if not text.isascii():
        text = _FOREIGN.sub(lambda word: word[0].translate(_HOMOGLYPHS), text)
    if _LONE_LETTER.search(text):
        text = _SPACED.sub(lambda run: run[0].replace(run["gap"], ""), text)
    if _SIGN_IN_WORD.search(text) is None:
        return text
    return _MASKED.sub(lambda word: word[0].translate(_IMITATIONS), text)
