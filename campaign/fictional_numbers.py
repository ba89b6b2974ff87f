"""Numbers that numbering plans reserve for fiction; their last digits select a behaviour."""

import re

_MAGIC = re.compile(
    r"\+1[2-9][0-9]{2}555(?P<us>000[1-7])"
    r"|\+447700900(?P<gb>00[1-7])"
    r"|\+61491570(?P<au>00[1-7])"
)


def behaviour_of(number: str) -> str:
    """The digits that select a behaviour, ``0001`` to ``0007``; empty for an ordinary number.

    docs/adding.md says what each of them selects.
    """
    match = _MAGIC.fullmatch(number)
    return "" if match is None else match[str(match.lastgroup)].zfill(4)
