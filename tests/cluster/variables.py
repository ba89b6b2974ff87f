"""Variables in Compose files: ``.env`` and the ``${NAME:-default}`` that a value may hold."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_LINE = re.compile(r"(?:export\s+)?(\w+)\s*=(.*)")
_REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|(?P<bare>\w+)|\{(?P<name>\w+)(?P<how>:?[-?+]|\}))")


class Missing(Exception):
    """A required variable is not set; the text is the file's own."""


def read_env(file: Path) -> dict[str, str]:
    """The variables of a ``.env`` file; values lose the quotes around them."""
    found = {}
    for line in file.read_text("utf-8").splitlines():
        if match := _LINE.fullmatch(line.strip()):
            found[match[1]] = match[2].strip().strip("\"'")
    return found


def interpolate(value: Any, variables: Mapping[str, str]) -> Any:
    """A value of a Compose file with its variables replaced, at every depth.

    Raises:
        Missing: a variable that the file requires is not set.
    """
    if isinstance(value, dict):
        return {key: interpolate(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return type(value)(interpolate(each, variables) for each in value)
    if isinstance(value, str):
        return _expand(value, 0, variables, inside=False)[0]
    return value


def _expand(text: str, start: int, variables: Mapping[str, str], inside: bool) -> tuple[str, int]:
    """The text from ``start`` with its variables replaced, up to its end or a closing brace.

    Returns the text and the position behind it. A default may hold variables of its own.
    """
    done = ""
    while start < len(text):
        if inside and text[start] == "}":
            return done, start + 1
        match = _REFERENCE.match(text, start)
        if match is None:
            done, start = done + text[start], start + 1
            continue
        start = match.end()
        if match["dollar"]:
            done += "$"
        elif match["bare"]:
            done += variables.get(match["bare"], "")
        elif match["how"] == "}":
            done += variables.get(match["name"], "")
        else:
            operand, start = _expand(text, start, variables, inside=True)
            done += _decide(match["name"], match["how"], operand, variables)
    return done, start


def _decide(name: str, how: str, operand: str, variables: Mapping[str, str]) -> str:
    value = variables.get(name)
    is_given = bool(value) if how.startswith(":") else value is not None
    if how.endswith("+"):
        return operand if is_given else ""
    if is_given:
        return value or ""
    if how.endswith("?"):
        raise Missing(operand)
    return operand
