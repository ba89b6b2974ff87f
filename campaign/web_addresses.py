"""Web addresses: which are http or https, and how they are written in ASCII.

An address is written in ASCII once, when it is admitted, so that what is stored is what is called.
"""

import re
import unicodedata
from urllib.parse import quote, urlsplit, urlunsplit

import idna

from campaign.text_cache import text_cache

LENGTH_MAX = 2_048
# A host has at most 253 characters; a longer one takes quadratic time to parse.
_AUTHORITY = re.compile(r"[^/?#]*//[^/?#]{1,300}(?:[/?#].*)?")
_HOST_LENGTH_MAX = 253
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
# Characters that an address keeps (RFC 3986); a percent sign already starts an escape.
_KEPT = "%/:?#[]@!$&'()*+,;=~-._"
_NO_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


def is_web_address(url: str) -> bool:
    """True if ``url`` is http or https, with a host and without user or control characters."""
    if len(url) > LENGTH_MAX or not url.isprintable() or any(c in url for c in ' "<>\\^`{|}'):
        return False
    if _AUTHORITY.fullmatch(url) is None:
        return False
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is no number.
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc


@text_cache(bytes_max=1024 * 1024, length_max=LENGTH_MAX)
def ascii_address(url: str) -> str | None:
    """Write a web address in ASCII: percent escapes, and a host by IDNA (UTS 46).

    One that is in ASCII stays as it is. None if ``url`` is no web address, has a percent sign that
    starts no escape, or a host that no name server can have.
    """
    written = ascii_link(url)
    if written is None or _NO_ESCAPE.search(written) or len(written) > LENGTH_MAX:
        return None
    return written


def ascii_link(url: str) -> str | None:
    """As ``ascii_address``, for links that people follow: a lone percent sign stays."""
    if not is_web_address(url):
        return None
    parts = urlsplit(url)
    host = ascii_host(parts.hostname or "")
    if not host:
        return None
    if url.isascii():
        return url
    port = parts.netloc.rpartition("]")[2].partition(":")[2]
    netloc = parts.netloc if parts.netloc.isascii() else host + (port and f":{port}")
    rest = (quote(part, safe=_KEPT) for part in (parts.path, parts.query, parts.fragment))
    return urlunsplit((parts.scheme, netloc, *rest))


def ascii_host(host: str) -> str | None:
    """Write a host in ASCII and lower case, without the dot at its end; None if it cannot be one.

    A name is read by UTS 46, non-transitional, as browsers do: ``straße`` and ``strasse`` differ,
    and symbols such as U+2603, which IDNA 2008 alone refuses, stay valid.
    """
    host = host.lower()
    if host.isascii():
        host = host.removesuffix(".")
        # An IPv6 address has colons.
        if ":" in host or all(0 < len(label) <= 63 for label in host.split(".")):
            return host
        return None
    try:
        labels = idna.uts46_remap(host, std3_rules=False).removesuffix(".").split(".")
        labels = [label if label.isascii() else _ascii_label(label) for label in labels]
    except UnicodeError:
        return None
    written = ".".join(labels)
    if len(written) > _HOST_LENGTH_MAX or not all(map(_LABEL.fullmatch, labels)):
        return None
    return written


def _ascii_label(label: str) -> str:
    try:
        return idna.alabel(label).decode("ascii")
    except idna.IDNAError:
        letters = "".join(c for c in label if unicodedata.category(c) not in ("So", "Sk"))
        if letters == label:
            raise
        if letters:
            idna.check_label(letters)
        return f"xn--{label.encode('punycode').decode('ascii')}"
