"""Identifiers use the field's words, and no name that was given up comes back."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup

from store.tables import METADATA
from tests.command_line import whole
from tests.test_layout import ROOT, named, sources, tree

# No part of a name may be one of these words, or a run of parts one of these pairs.
WORDS = frozenset(
    "beginning bell bells book books candidate candidates caretaker courier couriers desk doubt"
    " doubtful doubts drafting frame frames honest insist judge judged judges kept_alive luck news"
    " pace paced paces patiently rehearsal rehearse rehearsing rubbish showing silenced silent"
    " sorting speed speeds thanks tired told telling turn turns vet vets vetting ways wire wires"
    " wish wished wishes".split()
)
PAIRS = {
    ("hold", "point"), ("hold", "still"), ("kept", "alive"), ("not", "possible"),
    ("push", "back"), ("search", "seldom"), ("way", "in"), ("way", "out"),
}  # fmt: skip
# What an activity must not be called: its name is a line of Temporal's Web UI.
ACTIVITIES = {"count", "mark", "plan", "push_back", "spread", "vet"}

EXCEPTIONS = {
    ("campaign/failures.py", "DoubtfulHandoff"): "the field has no word for it; it has a tree",
    ("workflows/records.py", "local_books"): "recorded histories have it in their input",
}


def parts(name: str) -> list[str]:
    """The words of an identifier: of snake_case, CamelCase and CAPITALS."""
    return [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def is_given_up(name: str) -> bool:
    """Whether an identifier has a word that was given up."""
    words = parts(name)
    return not WORDS.isdisjoint(words) or not PAIRS.isdisjoint(zip(words, words[1:], strict=False))


def bound(path: Path) -> Iterator[str]:
    """Every name that a file defines: itself, classes, functions, arguments and variables."""
    yield path.parent.name if path.stem == "__init__" else path.stem
    for node in ast.walk(tree(path)):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.AsyncFunctionDef(name=name) | ast.arg(arg=name) | ast.alias(asname=str(name)):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def activities(path: Path) -> Iterator[str]:
    """The methods of a file that are activities."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
            "activity.defn" in ast.unparse(decorator) for decorator in node.decorator_list
        ):
            yield node.name


def left(found: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """What was found and is no exception."""
    return sorted(found - EXCEPTIONS.keys())


def test_no_identifier_of_the_product_has_a_name_that_was_given_up() -> None:
    found = {
        (named(path), name)
        for path in sources()
        # A migration keeps the names of its day.
        if not named(path).startswith("store/migrations/versions/")
        for name in bound(path)
        if is_given_up(name)
    }
    assert left(found) == []
    assert EXCEPTIONS.keys() <= found, "an exception is no longer needed"


def test_no_helper_of_tests_or_of_the_benchmark_has_a_name_that_was_given_up() -> None:
    paths = [path for top in ("tests", "bench") for path in (ROOT / top).rglob("*.py")]
    found = {
        (named(path), name)
        for path in paths
        for name in bound(path)
        # A test's name is a sentence.
        if is_given_up(name) and not name.startswith("test_")
    }
    assert left(found) == []


def test_no_activity_has_a_name_that_was_given_up() -> None:
    paths = [path for path in sources() if path.is_relative_to(ROOT / "activities")]
    named_so = {(named(path), name) for path in paths for name in activities(path)}
    assert len(named_so) >= 8
    assert left({one for one in named_so if one[1] in ACTIVITIES}) == []


def test_no_table_or_column_has_a_name_that_was_given_up() -> None:
    tables = METADATA.tables.values()
    names = {(table.name, column.name) for table in tables for column in table.columns}
    assert len(names) > 100
    assert [one for one in names if any(is_given_up(name) for name in one)] == []


def commands(group: TyperGroup, *above: str) -> Iterator[tuple[str, ...]]:
    """Every command of the command line, with the groups that it is in."""
    for name, command in group.commands.items():
        yield (*above, name)
        if isinstance(command, TyperGroup):
            yield from commands(command, *above, name)


def test_no_command_has_a_name_that_was_given_up() -> None:
    root = whole()
    names = list(commands(root))
    assert len(names) > 20
    assert [one for one in names if any(is_given_up(name) for name in one)] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CourierWorkflow", True),
        ("_WRITERS_TURN", True),
        ("HTTPDesk", True),
        ("holdPoint", True),
        ("return_value", False),
        ("always", False),
        ("vetoed", False),
        ("describe", False),
    ],
)
def test_a_name_is_held_against_the_list_word_by_word(name: str, expected: bool) -> None:
    assert is_given_up(name) is expected
