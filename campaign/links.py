"""Short links: find the URLs in a text and replace each by a link per recipient.

Every step is linear in the length of the text, whatever is in it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit, urlunsplit

from campaign.model import Link
from campaign.rules.media import is_web_address

CODE_LENGTH = 10
CODE_RANDOM_BYTES = 16
# A longer text is refused anyway, shortened or not.
TEXT_LENGTH_MAX = 20_000

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_URL = re.compile(r"(?<![A-Za-z0-9])https?://[^\s<>\"\\^`{|}]+", re.IGNORECASE)
_AFTER_A_URL = frozenset(".,;:!?'…*_~")
_BRACKETS = {")": "(", "]": "["}
# Characters that a URL keeps (RFC 3986); a percent sign already starts an escape.
_KEPT = "%/:?#[]@!$&'()*+,;=~-._"


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

    Punctuation after a URL belongs to the sentence; so does a closing bracket that the URL did not
    open.
    """
    for match in _URL.finditer(text):
        start, end = match.span()
        missing = {
            closing: match[0].count(closing) - match[0].count(opening)
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


def target_of(url: str, own_host: str | None = None) -> str | None:
    """The target of a link to ``url``, in ASCII; None if it must not be shortened.

    A target is http or https, has a host and no user name, and is not on ``own_host``, which would
    be a link to a link.
    """
    if not is_web_address(url):
        return None
    parts = urlsplit(url)
    try:
        host = (parts.hostname or "").rstrip(".").encode("idna").decode("ascii")
    except UnicodeError:
        return None
    if not host or host == own_host:
        return None
    netloc = parts.netloc if parts.netloc.isascii() else host + _port(parts.port)
    ascii_parts = (quote(part, safe=_KEPT) for part in (parts.path, parts.query, parts.fragment))
    return urlunsplit((parts.scheme, netloc, *ascii_parts))


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


def _port(port: int | None) -> str:
    return "" if port is None else f":{port}"
