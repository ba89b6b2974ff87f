"""Names that people give: one line of plain text, also where it is shown as Markdown."""

import re

KEY_NAME_LENGTH_MAX = 100
BAD_KEY_NAME = f"the name of a key must be one line of 1 to {KEY_NAME_LENGTH_MAX} characters"
# Controls, line and paragraph separators, surrogates, and what changes the direction of a line.
_NOT_PLAIN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]+"
)
_MARKUP = re.compile(r"[\\`*_\[\]<>#|~!&@]|(?<=:)/|(?<=www)\.", re.IGNORECASE)


def is_one_line(name: str) -> bool:
    """Tell whether a name is one line of plain text."""
    return _NOT_PLAIN.search(name) is None


def is_key_name(name: str) -> bool:
    """Tell whether an API key can have a name: one short line of plain text that is not blank."""
    return bool(name.strip()) and len(name) <= KEY_NAME_LENGTH_MAX and is_one_line(name)


def one_line(name: str) -> str:
    """Fold a name into one line: what is not plain text becomes a space."""
    return " ".join(_NOT_PLAIN.sub(" ", name).split())


def escape_markdown(name: str) -> str:
    """A name as Markdown that shows it as it is: one line, no markup, no image and no link.

    Every mark that has a meaning in CommonMark or in GitHub's dialect of it is escaped.
    """
    return _MARKUP.sub(r"\\\g<0>", one_line(name))
