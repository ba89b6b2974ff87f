"""Message texts: filling ``{{FIELD}}`` tags, counting segments, folding for word lists.

Texts are in Normalization Form C (NFC) before they are counted, checked or stored.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from campaign.text_cache import LENGTH_MAX, text_cache

# A template may be this many times as long as its text: names of tags take room, values need none.
TEMPLATE_FACTOR = 4
FIELD_NAME_LENGTH_MAX = 64
_TAG = re.compile(r"\{\{([^{}]*)\}\}")

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
# No character before this one composes with the one before it.
_FIRST_MARK = "\u0300"
# Sorting a run of accents takes quadratic time. No valid text is longer than a piece.
_NFC_PIECE = re.compile("[\x00-\x7f]*[^\x00-\x7f]{1,2048}|[\x00-\x7f]+")


class Filled(NamedTuple):
    """A filled template, the names that had no value, and its whole length in characters.

    ``text`` is cut one character after the limit of the length, if there is one. ``broken`` is the
    position, in characters, of the first ``{{`` that begins no tag; such a template is not filled.
    """

    text: str
    missing: tuple[str, ...] = ()
    length: int = 0
    broken: int | None = None


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
    return _nfc(text if text.isprintable() else _ISOLATES.sub("", text))


def _nfc(text: str) -> str:
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


def is_field_name(name: str) -> bool:
    """True if a tag can have this name: 1 to 64 visible characters, no braces or line ends."""
    return (
        len(name) <= FIELD_NAME_LENGTH_MAX
        and not is_blank(name)
        and is_line(name)
        and "{" not in name
        and "}" not in name
    )


def fill(template: str, fields: Mapping[str, str], length_max: int | None = None) -> Filled:
    """Fill ``fields`` into ``{{NAME}}`` tags in one pass (seed 004_fbbb4dde654ffae7.txt).

    A name is looked up as written, then without regard to case, kinds of white space, and forms of
    Unicode; a missing one becomes empty and is reported. A tag inside a value is not filled.
    Values are cleaned. A text of more than ``length_max`` characters is not built whole, and a
    template of more than four times as many is not filled.
    """
    if length_max is not None and len(template) > TEMPLATE_FACTOR * length_max:
        return Filled(template[: length_max + 1], (), len(template))
    parts = _split(template)
    if parts.broken is not None:
        text = template if length_max is None else template[: length_max + 1]
        return Filled(text, (), len(template), parts.broken)
    folded: dict[str, str] | None = None
    values: dict[str, str] = {}
    missing: list[str] = []
    length, joins = parts.length, parts.joins
    for name, count in parts.counts.items():
        value = fields.get(name)
        if value is None:
            if folded is None:
                folded = {_folded(field): value for field, value in fields.items()}
            value = folded.get(_folded(name))
        if value is None:
            missing.append(name)
        values[name] = value = clean(value or "")
        length += count * len(value)
        joins = joins or value[:1] >= _FIRST_MARK
    room = length if length_max is None else min(length, length_max + 1)
    pieces = [parts.texts[0]]
    built = len(parts.texts[0])
    for name, following in zip(parts.names, parts.texts[1:], strict=True):
        if built > room:
            break
        pieces += (values[name], following)
        built += len(values[name]) + len(following)
    text = "".join(pieces)[:room]
    if joins:
        # What follows a letter may compose with it.
        composed = _nfc(text)
        length -= len(text) - len(composed)
        text = composed
    return Filled(text, tuple(missing), length)


class _Parts(NamedTuple):
    """A template without its tags: the texts around them, their names, and how many of each.

    ``joins``: a text behind a tag may compose with the value's last letter.
    """

    texts: list[str]
    names: list[str]
    counts: dict[str, int]
    length: int
    broken: int | None
    joins: bool


# Few, because the pieces take far more room than the template.
@text_cache(bytes_max=64 * 1024, length_max=TEMPLATE_FACTOR * LENGTH_MAX)
def _split(template: str) -> _Parts:
    found = _TAG.split(template)
    texts, written = found[::2], found[1::2]
    names = [" ".join(name.split()) for name in written]
    broken = _broken(texts, written, names)
    joins = any(text[:1] >= _FIRST_MARK for text in texts[1:])
    return _Parts(texts, names, dict(Counter(names)), sum(map(len, texts)), broken, joins)


def _broken(texts: list[str], written: list[str], names: list[str]) -> int | None:
    """The position of the first braces that are no tag: unclosed, nested, tripled, or unnamed."""
    start = 0
    for index, text in enumerate(texts):
        found = text.find("{{")
        if found >= 0:
            return start + found
        start += len(text)
        if index == len(names):
            break
        if not is_field_name(names[index]) or text.endswith("{") or texts[index + 1][:1] == "}":
            return start
        start += len(written[index]) + 4
    return None


@text_cache(bytes_max=256 * 1024, length_max=FIELD_NAME_LENGTH_MAX)
def _folded(name: str) -> str:
    folded = " ".join(name.split()).casefold()
    return folded if folded.isascii() else unicodedata.normalize("NFC", folded)


@text_cache()
def segment(text: str) -> Segments:
    """Count the segments of a text (3GPP TS 23.038 and 23.040, 9.2.3.24.1).

    160 septets fit one GSM-7 message and 153 each part of a longer one; 70 and 67 UTF-16 units
    in UCS-2. Escape pairs and surrogate pairs are never split. An empty text is one segment.
    """
    if _ALL_GSM7.fullmatch(text):
        units = len(text) + len(_EXTENDED.findall(text))
        return Segments("gsm7", units, _parts(text, units, 160, 153, _EXTENDED))
    units = len(text) + len(_BEYOND_BMP.findall(text))
    return Segments("ucs2", units, _parts(text, units, 70, 67, _BEYOND_BMP))


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
