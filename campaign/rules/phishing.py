"""Phishing: no public shorteners, no look-alike hosts, no fishing for secrets (33019).

The lists are in ``words/phishing.toml``; they are read once, when this module is imported.
"""

import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from itertools import islice

from campaign.model import Evidence
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode
from campaign.text import plain

# A host with or without a scheme: labels, a dot, a top-level label of letters or punycode.
_LINK = re.compile(
    r"(?<![\w@.-])(?:(?P<scheme>[a-z][a-z0-9+.]{1,9})://)?(?P<user>[^\s/@]{1,64}@)?"
    r"(?P<host>(?:[\w-]{1,63}\.){1,8}(?:xn--[a-z0-9-]{2,59}|[^\W\d_]{2,24})|"
    r"(?:\d{1,3}\.){3}\d{1,3})(?=[/:?#\s.,;!)\]]|$)",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")
# Letters of other scripts, and groups of letters, that pass for Latin ones in a host name.
_HOMOGLYPHS = str.maketrans("аеорсухіјѕԁɡһӏοαινρ0134567$", "aeopcyxijsdghloaivpoieasbts")
_GROUPS = (("rn", "m"), ("vv", "w"), ("cl", "d"))


def check(evidence: Evidence) -> Iterator[Refusal]:
    """Refuse campaigns with a text that looks like phishing; the text is not repeated."""
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
    """Name what makes a text look like phishing, None when nothing does."""
    has_link = False
    # A dot or an "@" is in every link; most texts need no look at all.
    if "." in text:
        for match in _LINK.finditer(text):
            found = _judge_link(match)
            if found is not None:
                return found
            has_link = True
    folded = plain(text)
    if _ALWAYS.search(folded) or (has_link and _WITH_LINK.search(folded)):
        return "credential_lure"
    return None


def _judge_link(match: re.Match[str]) -> str | None:
    host = match["host"].casefold()
    if _ADDRESS.fullmatch(host):
        return "address_link" if match["scheme"] else None
    if match["user"] and match["scheme"]:
        return "disguised_link"
    bare = host.removeprefix("www.")
    if bare in _SHORTENERS:
        return "short_link"
    return "look_alike" if _imitates(bare) else None


def _imitates(host: str) -> bool:
    """Tell whether a host uses an imitated brand's name without being one of its domains."""
    if not host.isascii() or "xn--" in host:
        host = _decoded(host)
    skeleton = host.translate(_HOMOGLYPHS)
    forms = {host, skeleton}
    for group, letter in _GROUPS:
        forms |= {form.replace(group, letter) for form in forms}
    for brand, own in _BRANDS.items():
        if any(host == domain or host.endswith("." + domain) for domain in own):
            return False
        # Whole labels or parts between hyphens: "pineapple.com" and "purchase.org" are no fraud.
        if any(brand in re.split(r"[.-]", form) for form in forms):
            return True
    return False


def _decoded(host: str) -> str:
    try:
        return host.encode("ascii").decode("idna") if host.isascii() else host
    except UnicodeError:
        return host


def _words(entries: list[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9])(?:{'|'.join(entries)})(?![a-z0-9])")


def _load() -> tuple[frozenset[str], dict[str, list[str]], re.Pattern[str], re.Pattern[str]]:
    words = tomllib.loads(files(__package__).joinpath("words/phishing.toml").read_text("utf-8"))
    lures = words["lures"]
    return (
        frozenset(words["shorteners"]),
        words["brands"],
        _words(lures["always"]),
        _words(lures["with_link"]),
    )


_SHORTENERS, _BRANDS, _ALWAYS, _WITH_LINK = _load()
