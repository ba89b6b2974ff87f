"""SHAFT: no sex, hate, and no offers of alcohol, firearms or tobacco (33019).

The word lists are in ``words/shaft.toml``; they are read once, when this module is imported.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice

from campaign.model import Evidence
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode
from campaign.text import plain, unmasked


@dataclass(frozen=True, slots=True)
class _Class:
    name: str
    always: re.Pattern[str]
    offered: re.Pattern[str] | None
    never: re.Pattern[str] | None


def check(evidence: Evidence) -> Iterator[Refusal]:
    """Refuse campaigns with a text of a SHAFT class; the text itself is not repeated."""
    faults = (
        Refusal(
            RefusalCode.CONTENT_NOT_COMPLIANT,
            f"the text breaks the messaging rules on {found}",
            f"recipients[{position}].text",
            {"rule": "shaft", "class": found},
        )
        for text, position in evidence.texts.items()
        if (found := classify(text)) is not None
    )
    yield from islice(faults, SHOWN_MAX)


def classify(text: str) -> str | None:
    """Name the first SHAFT class that a text falls under, None when it is clean.

    Words are looked for twice: as written, and with digits and signs read as the letters they
    imitate.
    """
    folded = plain(text)
    for form in dict.fromkeys((folded, unmasked(folded))):
        for shaft_class in _CLASSES:
            if _belongs(form, shaft_class):
                return shaft_class.name
    return None


def _belongs(text: str, shaft_class: _Class) -> bool:
    if not _mentions(text, shaft_class):
        return False
    # Only now, for most texts mention nothing: take the innocent phrases out and look again.
    if shaft_class.never is not None:
        text = shaft_class.never.sub(" ", text)
    if shaft_class.always.search(text):
        return True
    offered = shaft_class.offered
    return offered is not None and bool(offered.search(text)) and bool(_OFFER.search(text))


def _mentions(text: str, shaft_class: _Class) -> bool:
    if shaft_class.always.search(text):
        return True
    return shaft_class.offered is not None and bool(shaft_class.offered.search(text))


def _words(entries: list[str]) -> re.Pattern[str]:
    # No \b: it would not stand beside the signs that some entries begin or end with.
    return re.compile(rf"(?<![a-z0-9])(?:{'|'.join(entries)})(?![a-z0-9])")


def _load() -> tuple[re.Pattern[str], tuple[_Class, ...]]:
    words = tomllib.loads(files(__package__).joinpath("words/shaft.toml").read_text("utf-8"))
    classes = tuple(
        _Class(
            name,
            _words(lists["always"]),
            _words(lists["offered"]) if "offered" in lists else None,
            _words(lists["never"]) if "never" in lists else None,
        )
        for name, lists in words.items()
        if name != "offer"
    )
    return _words(words["offer"]["words"]), classes


_OFFER, _CLASSES = _load()
