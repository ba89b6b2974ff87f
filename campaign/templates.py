"""Templates: filling ``{{NAME}}`` and ``{{NAME|default}}`` tags (seed 004_fbbb4dde654ffae7.txt)."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from campaign.text import clean, is_blank, is_line, nfc
from campaign.text_cache import LENGTH_MAX, text_cache

# A template may be this many times as long as its text: names of tags take room, values need none.
TEMPLATE_FACTOR = 4
FIELD_NAME_LENGTH_MAX = 64
# Between the name of a field and what stands for a missing value.
DEFAULT_MARK = "|"
_TAG = re.compile(r"\{\{([^{}]*)\}\}")
# No character before this one composes with the one before it.
_FIRST_MARK = "\u0300"


class Filled(NamedTuple):
    """A filled template, the names that had no value, and its whole length in characters.

    ``text`` is cut one character after the limit of the length, if there is one. ``broken`` is the
    position, in characters, of the first ``{{`` that begins no tag; such a template is not filled.
    """

    text: str
    missing: tuple[str, ...] = ()
    length: int = 0
    broken: int | None = None


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
    Unicode; a missing one becomes empty and is reported. ``{{NAME|friend}}`` has a default, which
    replaces a missing or blank value; it may be empty. A tag inside a value is not filled.
    Values are cleaned. A text of more than ``length_max`` characters is not built whole, and a
    template of more than four times as many is not filled.
    """
    if length_max is not None and len(template) > TEMPLATE_FACTOR * length_max:
        return Filled(template[: length_max + 1], (), len(template))
    parts = _split(template)
    if parts.broken is not None:
        text = template if length_max is None else template[: length_max + 1]
        return Filled(text, (), len(template), parts.broken)
    found = _Values(fields)
    values: dict[str, str] = {}
    missing: list[str] = []
    length, joins = parts.length, parts.joins
    for name, count in parts.counts.items():
        value = found.of(name)
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
        composed = nfc(text)
        length -= len(text) - len(composed)
        text = composed
    return Filled(text, tuple(missing), length)


class _Values:
    """The values of fields by the names in tags."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = fields
        self._folded: dict[str, str] | None = None

    def of(self, tag: str) -> str | None:
        """The value for a tag; its default, or None without one, if the field has none."""
        value = self._of(tag)
        if value is not None or DEFAULT_MARK not in tag:
            return value
        name, _, default = tag.partition(DEFAULT_MARK)
        value = self._of(name.rstrip())
        return default.lstrip() if value is None or is_blank(value) else value

    def _of(self, name: str) -> str | None:
        value = self._fields.get(name)
        if value is None:
            if self._folded is None:
                self._folded = {_folded(field): value for field, value in self._fields.items()}
            value = self._folded.get(_folded(name))
        return value


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
        name = names[index].partition(DEFAULT_MARK)[0]
        if not is_field_name(name) or text.endswith("{") or texts[index + 1][:1] == "}":
            return start
        start += len(written[index]) + 4
    return None


@text_cache(bytes_max=256 * 1024, length_max=FIELD_NAME_LENGTH_MAX)
def _folded(name: str) -> str:
    folded = " ".join(name.split()).casefold()
    return folded if folded.isascii() else unicodedata.normalize("NFC", folded)
