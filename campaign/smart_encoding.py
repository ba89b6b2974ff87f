"""Typographic characters that GSM-7 cannot encode, and what it can write in their place.

Word processors and phones put them in; one of them makes every part of a text hold 67 characters
instead of 153. The table has what providers replace in common (docs/decisions/0044-dry-run.md).
"""

import re
from collections import Counter
from collections.abc import Iterable

from campaign.text import gsm7_lacks, is_gsm7, segment

_REPLACED_BY = {
    "'": "‘’‚‛′‵ʹʼʻ´`",
    '"': "“”„‟″‶",
    "<": "«‹",
    ">": "»›",
    "-": "‐‑‒–—―−﹘﹣－",
    "...": "…",
    " ": "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f"
    "\u205f\u3000",
    "": "\u200b\ufeff",
    "*": "•",
    "/": "⁄",
}
REPLACEMENTS = {
    character: replacement
    for replacement, characters in _REPLACED_BY.items()
    for character in characters
}


def replacement_of(character: str) -> str | None:
    """What GSM-7 can write for a character that it lacks; None if there is nothing alike."""
    return REPLACEMENTS.get(character)


_TABLE = str.maketrans(REPLACEMENTS)
# A link with another character leads elsewhere. Quotes around it are no part of it.
_LINK = re.compile("((?:https?://|www\\.)[^\\s‘’“”«»]*)", re.IGNORECASE)


def smart_encoded(text: str) -> str:
    """A text that GSM-7 can encode, if replacements alone make it so; else the same text.

    Changes only characters that GSM-7 lacks, and none in a link.
    """
    if is_gsm7(text):
        return text
    pieces = _LINK.split(text)
    pieces[::2] = [piece.translate(_TABLE) for piece in pieces[::2]]
    encoded = "".join(pieces)
    return encoded if is_gsm7(encoded) else text


def lacking(texts: Iterable[str]) -> Counter[str]:
    """Count the characters that GSM-7 lacks: those that make texts longer."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(gsm7_lacks(text))
    return counts


def segments_saved(texts: Iterable[str], length_max: int) -> int:
    """How many segments fewer the texts have with smart encoding.

    A text that would be longer than ``length_max`` characters stays as it is. Below zero where
    replacements of several characters take more than they save.
    """
    saved = 0
    for text in texts:
        encoded = smart_encoded(text)
        if encoded is not text and len(encoded) <= length_max:
            saved += segment(text).count - segment(encoded).count
    return saved
