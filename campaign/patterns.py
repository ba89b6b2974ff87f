"""One fast pattern for a long list of words and phrases."""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import re2

# Of the states that RE2 keeps for one pattern; it forgets some when there are more.
_STATES_BYTES_MAX = 16 * 1024 * 1024
_CAPTURING = re.compile(r"(?<!\\)\((?!\?)")
# RE2 means ASCII by these.
_OF_ALL_SCRIPTS = (("\\w", "[\\pL\\pN_]"), ("\\d", "\\p{Nd}"))


class AnyOf:
    """A pattern that finds any of many regular expressions as whole words.

    They are for folded text (:func:`campaign.text.plain`), without groups that capture and without
    looking around. RE2 searches for all of them at once, in time that is proportional to the text
    and does not depend on their number.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self.entries = tuple(entries)

    @cached_property
    def _any(self) -> str:
        return "|".join(self.entries)

    @cached_property
    def _finder(self) -> Any:
        options = re2.Options()
        options.never_capture = True
        options.max_mem = _STATES_BYTES_MAX
        pattern = self._any
        for ours, theirs in _OF_ALL_SCRIPTS:
            pattern = pattern.replace(ours, theirs)
        # Not \b, because some entries start or end with a sign.
        return re2.compile(f"(?:^|[^a-z0-9])(?:{pattern})(?:[^a-z0-9]|$)", options)

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        pattern = _CAPTURING.sub("(?:", self._any)
        return re.compile(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])")

    def is_in(self, text: str) -> bool:
        """True if an entry is in a text."""
        if self._finder.search(text.encode(errors="replace")) is None:
            return False
        # RE2 ends a word before a letter that is not of ASCII.
        return text.isascii() or self._compiled.search(text) is not None

    def findall(self, text: str) -> list[str]:
        """As of a compiled pattern."""
        return self._compiled.findall(text) if self.is_in(text) else []

    def sub(self, by: str, text: str) -> str:
        """As of a compiled pattern."""
        return self._compiled.sub(by, text) if self.is_in(text) else text
