"""SHAFT: no sex or hate, no offers of alcohol, firearms or tobacco (33019).

The word lists are in ``words/shaft.toml`` and read once.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import islice

from campaign.model import Evidence
from campaign.patterns import AnyOf
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode
from campaign.text import plain, unmasked


@dataclass(frozen=True, slots=True)
class _Class:
    name: str
    always: AnyOf
    offered: AnyOf | None
    never: AnyOf | None
    unless: AnyOf | None


def check(evidence: Evidence) -> Iterator[Refusal]:
    """Refuse campaigns with a text of a SHAFT class; the refusal has no text."""
    faults = (
        Refusal(
            RefusalCode.CONTENT_NOT_COMPLIANT,
            f"the text violates the messaging rules on {found}",
            f"recipients[{position}].text",
            {"rule": "shaft", "class": found},
        )
        for text, position in evidence.texts.items()
        if (found := classify(text)) is not None
    )
    yield from islice(faults, SHOWN_MAX)


def classify(text: str) -> str | None:
    """The first SHAFT class of a text, None if it has none.

    Words are searched as written, and with disguises undone.
    """
    folded = plain(text)
    for form in dict.fromkeys((folded, unmasked(folded))):
        # One search excludes most texts from all classes.
        if not _ANY.is_in(form):
            continue
        for shaft_class in _CLASSES:
            if _belongs(form, shaft_class):
                return shaft_class.name
    return None


def _belongs(text: str, shaft_class: _Class) -> bool:
    if shaft_class.never is not None:
        text = shaft_class.never.sub(" ", text)
    if shaft_class.always.is_in(text):
        return True
    if shaft_class.offered is None or not shaft_class.offered.is_in(text):
        return False
    if shaft_class.unless is not None and shaft_class.unless.is_in(text):
        return False
    return _OFFER.is_in(_NO_OFFER.sub(" ", text))


def _always(lists: dict[str, list[str]]) -> Iterator[str]:
    yield from lists["always"]
    if "groups" in lists:
        groups = f"({'|'.join(lists['groups'])})"
        yield f"({'|'.join(lists['before_group'])}){groups}"
        yield f"{groups} ({'|'.join(lists['after_group'])})"


def _class_of(name: str, lists: dict[str, list[str]]) -> _Class:
    offered, never, unless = (
        AnyOf(lists[kind]) if kind in lists else None for kind in ("offered", "never", "unless")
    )
    return _Class(name, AnyOf(_always(lists)), offered, never, unless)


_WORDS = tomllib.loads(files(__package__).joinpath("words/shaft.toml").read_text("utf-8"))
_OFFER, _NO_OFFER = (AnyOf(_WORDS["offer"][kind]) for kind in ("words", "never"))
_LISTS = {name: lists for name, lists in _WORDS.items() if name != "offer"}
_ANY = AnyOf(
    entry for lists in _LISTS.values() for entry in [*_always(lists), *lists.get("offered", [])]
)
_CLASSES = tuple(_class_of(name, lists) for name, lists in _LISTS.items())
