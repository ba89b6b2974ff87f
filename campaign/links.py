"""Short links: find the URLs in a text and replace each by a link per recipient.

Every step is linear in the length of the text, whatever is in it.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

from campaign.model import Link
from campaign.web_addresses import ascii_host, ascii_link

CODE_LENGTH = 10
CODE_RANDOM_BYTES = 16
# A longer text is refused anyway, shortened or not.
TEXT_LENGTH_MAX = 20_000

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_URL = re.compile(r"(?<![A-Za-z0-9])https?://[^\s<>\"\\^`{|}]+", re.IGNORECASE)
_AFTER_A_URL = frozenset(".,;:!?'")
_BRACKETS = {")": "(", "]": "["}
_AUTHORITY = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
# Signs inside words: Catalan l·l, Tibetan syllables, Hebrew abbreviations, joined letters.
_IN_WORDS = frozenset("\u00b7\u0f0b\u05f3\u05f4\u200c\u200d")


def make_code(random: bytes) -> str:
    """Make a code of ten letters and digits from 16 random bytes: one of 62**10."""
    if len(random) != CODE_RANDOM_BYTES:
        raise ValueError(f"a code is made of {CODE_RANDOM_BYTES} bytes, not {len(random)}")
    value = int.from_bytes(random, "big")
    letters = []
    for _ in range(CODE_LENGTH):
        value, digit = divmod(value, len(_ALPHABET))
        letters.append(_ALPHABET[digit])
    return "".join(letters)


def find_urls(text: str) -> Iterator[tuple[int, int]]:
    """The start and end of each http or https URL in a text.

    Beyond ASCII a URL has letters, marks and digits only, and symbols in its host. Quotes, dashes
    and punctuation of any script end it. Punctuation after a URL belongs to the sentence; so does a
    closing bracket that the URL did not open.
    """
    for match in _URL.finditer(text):
        start, end = match.start(), match.start() + _length_of(match[0])
        url = text[start:end]
        missing = {
            closing: url.count(closing) - url.count(opening)
            for closing, opening in _BRACKETS.items()
        }
        while True:
            last = text[end - 1]
            if last in _AFTER_A_URL:
                end -= 1
            elif missing.get(last, 0) > 0:
                missing[last] -= 1
                end -= 1
            else:
                break
        if not text.endswith("//", start, end):
            yield start, end


def _length_of(url: str) -> int:
    """How many characters of ``url`` belong to it, before the sentence goes on."""
    if url.isascii():
        return len(url)
    authority = _AUTHORITY.match(url)
    host_end = 0 if authority is None else authority.end()
    length = next(
        (
            index
            for index, letter in enumerate(url)
            if not letter.isascii()
            and letter not in _IN_WORDS
            and not _is_letter(letter)
            and not (index < host_end and _is_symbol(letter))
        ),
        len(url),
    )
    # Emoji and joiners at the end of a host belong to the sentence, too.
    while not url[length - 1].isascii():
        last = url[length - 1]
        if _is_letter(last) and not _is_selector(last):
            break
        length -= 1
    return length


@lru_cache(4_096)
def _is_letter(letter: str) -> bool:
    """True for letters, marks and digits of any script."""
    return unicodedata.category(letter)[0] in "LMN"


@lru_cache(4_096)
def _is_symbol(letter: str) -> bool:
    return unicodedata.category(letter) in ("So", "Sk")


def _is_selector(letter: str) -> bool:
    """True for the marks that only choose how an emoji looks."""
    return "\ufe00" <= letter <= "\ufe0f" or letter == "\u20e3"


def target_of(url: str, own_host: str | None = None) -> str | None:
    """The target of a link to ``url``, in ASCII; None if it must not be shortened.

    A target is http or https, has a host and no user name, and is not on ``own_host``, which would
    be a link to a link.
    """
    target = ascii_link(url)
    if target is None:
        return None
    own = own_host and ascii_host(own_host)
    return None if ascii_host(urlsplit(target).hostname or "") == own else target


@dataclass(slots=True)
class Shortener:
    """Makes short links below ``base_url``; ``new_code`` returns a new code at each call.

    ``links`` collects the links that were made.
    """

    base_url: str
    new_code: Callable[[], str]
    links: list[Link] = field(default_factory=list)

    def shorten(self, text: str, message_id: str) -> str:
        """Replace each URL by a short link; a repeated URL gets the same link."""
        if len(text) > TEXT_LENGTH_MAX:
            return text
        own_host = urlsplit(self.base_url).hostname
        codes: dict[str, str] = {}
        parts, rest = [], 0
        for start, end in find_urls(text):
            target = target_of(text[start:end], own_host)
            if target is None:
                continue
            if target not in codes:
                codes[target] = self.new_code()
                self.links.append(Link(codes[target], message_id, target))
            parts += [text[rest:start], f"{self.base_url}/{codes[target]}"]
            rest = end
        return "".join(parts) + text[rest:]


def has_urls(text: str) -> bool:
    """True if a text has a URL that can be shortened."""
    return any(target_of(text[start:end]) for start, end in find_urls(text))
