"""Phishing: no public shorteners, look-alike hosts or requests for credentials (33019).

The lists are in ``words/phishing.toml`` and read once.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from itertools import islice
from typing import Any

from campaign.model import Evidence
from campaign.patterns import AnyOf
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode
from campaign.text import plain, unmasked, visible
from campaign.text_cache import text_cache

# A host with or without a scheme: labels, a dot, a top-level label of letters or punycode.
_LINK = re.compile(
    r"(?<![\w@.-])(?:(?P<scheme>[a-z][a-z0-9+.]{1,9})://)?(?P<user>[^\s/@]{1,64}@)?"
    r"(?P<host>(?:[\w-]{1,63}\.){1,8}(?:xn--[a-z0-9-]{2,59}|[^\W\d_]{2,24})|"
    r"(?:\d{1,3}\.){3}\d{1,3})(?![\w@-])",
    re.IGNORECASE,
)
_DOT_INSIDE = re.compile(r"\.\w")
_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")
_WRITTEN_DOT = re.compile(r"\s?(?:\[\.\]|\(\.\)|\[dot\]|\(dot\))\s?", re.IGNORECASE)
# Letters of other scripts and digits that look like Latin letters in a host name.
_HOMOGLYPHS = str.maketrans("аеорсухіјѕԁɡһӏοαινρκτ01345789$", "aeopcyxijsdghloaivpktoleastbgs")
# Letters that look like one letter, or like each other. Hosts and brand names are both rewritten,
# so an innocent "clean" still does not match.
_GROUPS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("i", "l"))


def check(evidence: Evidence) -> Iterator[Refusal]:
    """Refuse campaigns with a text that looks like phishing; the refusal has no text."""
    faults = (
        Refusal(
            RefusalCode.CONTENT_NOT_COMPLIANT,
            f"the text looks like phishing ({found.replace('_', ' ')})",
            f"recipients[{position}].text",
            {"rule": "phishing", "class": found},
        )
        for text, position in evidence.texts.items()
        if (found := classify(text)) is not None
    )
    yield from islice(faults, SHOWN_MAX)


def classify(text: str) -> str | None:
    """The class of phishing that a text looks like, None if it looks like none.

    Links are checked by their host. Words are checked as written and without disguises
    (``acc0unt``), and more strictly if a link leads to an unknown host.
    """
    hosts: set[str] = set()
    for match in _links(text):
        found = _classify_link(match)
        if found is not None:
            return found
        hosts.add(match["host"].casefold())
    strange = [host for host in hosts if not _is_trusted(host)]
    folded = plain(text)
    meant = unmasked(folded)
    # One search excludes most texts.
    if not strange and meant == folded and not _WORDS.is_in(folded):
        return None
    if _MISSPELT.is_in(folded):
        return "disguised_words"
    if meant != folded and len(_GUARDED.findall(meant)) > len(_GUARDED.findall(folded)):
        return "disguised_words"
    for form in dict.fromkeys((folded, meant)):
        if _lures(form, strange):
            return "credential_lure"
    return None


def _links(text: str) -> Iterable[re.Match[str]]:
    text = visible(text)
    if "dot" in text or "[" in text or "(" in text:
        text = _WRITTEN_DOT.sub(".", text)
    # Every link has a dot inside a word; most texts have none.
    return _LINK.finditer(text) if _DOT_INSIDE.search(text) else ()


def _lures(text: str, strange: list[str]) -> bool:
    text = _NEVER.sub(" ", text)
    if _ALWAYS.is_in(text):
        return True
    if not strange:
        return False
    if _WITH_LINK.is_in(text) or (_IDENTITY.is_in(text) and _PRESSURE.is_in(text)):
        return True
    poses = _CLAIMED.match(text) is not None
    return (poses or any(map(_is_shady, strange))) and _ACTS.is_in(text)


def _classify_link(match: re.Match[str]) -> str | None:
    host = match["host"].casefold()
    if _ADDRESS.fullmatch(host):
        return "address_link" if match["scheme"] else None
    if match["user"] and match["scheme"]:
        return "disguised_link"
    if host.removeprefix("www.") in _SHORTENERS:
        return "short_link"
    return "look_alike" if _imitates(host) else None


@text_cache(bytes_max=1024 * 1024)
def _imitates(host: str) -> bool:
    """True if a host uses a brand's name without being one of its domains."""
    if not host.isascii() or "xn--" in host:
        host = _decoded(host)
    if _is_trusted(host):
        return False
    skeleton = _skeleton(host)
    if _OWN_INSIDE.search(skeleton):
        return True
    # Whole labels, parts between hyphens, or a brand joined to fraud words only: neither
    # "pineapple.com" nor "purchase.org" matches.
    return any(
        _DISTINCT.search(label) or _COMPOUND.fullmatch(label.replace("-", ""))
        for label in skeleton.split(".")[:-1]
    )


@text_cache(bytes_max=1024 * 1024)
def _is_trusted(host: str) -> bool:
    """True if a host is a known brand's own, or one that only a government can have."""
    if any(host == domain or host.endswith("." + domain) for domain in _OWN):
        return True
    labels = host.split(".")
    top, second = labels[-1], labels[-2]
    if top in ("gov", "mil") or (len(top) == 2 and second in ("gov", "gob", "gouv", "govt")):
        return True
    if len(top) == 2 and second in ("co", "com", "net", "org") and len(labels) > 2:
        second = labels[-3]
    elif top not in ("com", "net", "org") and (len(top) > 2 or top in _RISKY):
        return False
    return second in _NAMES


@text_cache(bytes_max=1024 * 1024)
def _is_shady(host: str) -> bool:
    """True if a host has a risky top-level domain or a name of fraud words."""
    *names, top = host.split(".")
    return top in _RISKY or any(
        ("-" in name and not _SHADY_WORDS.isdisjoint(name.split("-")))
        or _MADE_UP.fullmatch(_skeleton(name))
        for name in names
    )


def _skeleton(name: str) -> str:
    """Rewrite a name so that look-alikes become equal."""
    name = plain(name).translate(_HOMOGLYPHS)
    for group, letter in _GROUPS:
        name = name.replace(group, letter)
    return name


def _decoded(host: str) -> str:
    try:
        return host.encode("ascii").decode("idna") if host.isascii() else host
    except UnicodeError:
        return host


def _load() -> dict[str, Any]:
    words: dict[str, Any] = tomllib.loads(
        files(__package__).joinpath("words/phishing.toml").read_text("utf-8")
    )
    return words


_LISTS = _load()
_SHORTENERS = frozenset(_LISTS["shorteners"])
_SHADY_WORDS = frozenset(_LISTS["shady_words"])
_RISKY = frozenset(_LISTS["risky_tops"])
_OWN = tuple(_LISTS["own_domains"])
_BRANDS: list[str] = _LISTS["brands"]
_NAMES = frozenset(name.replace(" ", "") for name in [*_BRANDS, *_LISTS["common_word_brands"]])

_distinct = "|".join(_skeleton(name).replace(" ", "-?") for name in _BRANDS)
_any_brand = "|".join(sorted(map(_skeleton, _NAMES), key=len, reverse=True))
_fraud = "|".join(map(_skeleton, _LISTS["host_words"]))
_DISTINCT = re.compile(f"(?:^|-)(?:{_distinct})(?:-|$)")
_COMPOUND = re.compile(
    f"(?:{_fraud})+(?:{_any_brand})(?:{_fraud})*|(?:{_any_brand})(?:{_fraud})+",
)
_MADE_UP = re.compile(f"(?:{_fraud})(?:-?(?:{_fraud}))+")
_OWN_INSIDE = re.compile(rf"(?:^|\.)(?:{_any_brand})\.(?:com|co|net|org|gov)\.")
_CLAIMED = re.compile(
    rf"\W*(?:{'|'.join(name.replace(' ', '[ -]?') for name in _BRANDS)})"
    r"(?: (?:alert|notice|security|support|bank|info|team|delivery|uk|us))?(?: ?[:!]| -) "
)
_GUARDED = AnyOf(_LISTS["guarded"])
_MISSPELT = AnyOf(
    name.replace(letter, other)
    for name in _BRANDS
    if len(name) > 4 and " " not in name
    for pair in _GROUPS
    for other, letter in (pair, pair[::-1])
    if letter in name
)

_ALWAYS, _WITH_LINK, _IDENTITY, _PRESSURE, _ACTS, _NEVER = (
    AnyOf(_LISTS["lures"][kind])
    for kind in ("always", "with_link", "identity", "pressure", "acts", "never")
)
_WORDS = AnyOf([*_MISSPELT.entries, *_ALWAYS.entries, *_NEVER.entries])
