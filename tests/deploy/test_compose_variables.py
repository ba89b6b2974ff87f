"""The variables that the Compose files take from outside, against .env.example."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.variables import read_env
from tests.test_deployment import ROOT, ComposeLoader

FILES = (ROOT / "docker-compose.yml", *sorted((ROOT / "deploy").glob("*.yml")))
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
VARIABLE = re.compile(r"#?([A-Z][A-Z0-9_]*)=(.*)")
# The rest of a reference, such as ":-default" or ":?what to do"; a default may hold another one.
REFERENCE = re.compile(r"(?<!\$)\$(?:\{(\w+)(?::?([-?+])((?:\$\{[^}]*\}|[^}])*))?\}|(\w+))")


def passed_on(value: Any) -> set[str]:
    """The variables that a Compose file hands to containers under their own names, if set."""
    if isinstance(value, list):
        return set().union(*map(passed_on, value))
    if not isinstance(value, dict):
        return set()
    environment = value.get("environment")
    found = set()
    if isinstance(environment, dict):
        found = {name for name, given in environment.items() if given is None}
    return found.union(*map(passed_on, value.values()))


def taken(file: Path) -> set[str]:
    """Every variable that a Compose file takes from outside, those inside of defaults included."""
    text = file.read_text("utf-8")
    named = set(re.findall(r"(?<!\$)\$\{?([A-Za-z_]\w*)", text))
    return named | passed_on(yaml.load(text, ComposeLoader))


def explained() -> set[str]:
    """The variables of the example that stand below a sentence, or in one."""
    found: set[str] = set()
    below_a_sentence = False
    for line in EXAMPLE.splitlines():
        if match := VARIABLE.fullmatch(line):
            found |= {match[1]} if below_a_sentence else set()
        else:
            below_a_sentence = line.startswith("# ") and not line.startswith("# ---")
            found |= set(re.findall(r"\b[A-Z]+_[A-Z0-9_]+\b", line))
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_variable_of_a_compose_file_is_explained_in_the_example(file: Path) -> None:
    assert taken(file) - explained() == set()


def test_what_the_example_has_for_compose_only_is_taken_with_the_default_that_it_shows() -> None:
    _, found, section = EXAMPLE.partition("# --- docker compose only -")
    assert found
    shown = dict(VARIABLE.findall(section))
    defaults = {
        match[1]: match[3]
        for file in FILES
        for match in REFERENCE.finditer(file.read_text("utf-8"))
        if match[2] == "-"
    }
    assert shown == {name: defaults.get(name) for name in shown}


def test_the_example_asks_for_what_compose_requires_and_each_refusal_says_what_to_set() -> None:
    required = {}
    for file in FILES:
        for match in REFERENCE.finditer(file.read_text("utf-8")):
            if match[2] == "?":
                assert match[0].startswith(f"${{{match[1]}:?"), match[0]  # An empty one counts.
                assert re.match(rf"set {match[1]} in \.env\b", match[3]), match[0]
                required[match[1]] = ""
    assert required == read_env(ROOT / ".env.example")
