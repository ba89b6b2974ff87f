"""What users read is plain English: command line, OpenAPI, and the workflows in the Web UI."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.core import TyperGroup

from campaign.settings import Settings
from dialects.http.context import ApiContext
from dialects.http.rate_limits import RequestLimiter
from starter.api.app import create_app
from store.store import open_store
from tests.command_line import whole
from tests.starter.api.test_app import away
from tests.test_layout import ROOT, tree

PHRASES = (
    "a no|bell|caretaker|candidates?|courier|desk|for ever|insists?|judge and price|news"
    "|of which nobody|put to work|rehearsals?|rehearse|see to (?:it|them)|send no|shall|surely"
    "|that was given up|what became of|who has waited|whoever"
)
FOUND = re.compile(rf"\b(?:{PHRASES})\b", re.I)
HEADINGS = ("description", "summary", "title")


def spoken(where: str, text: str | None) -> Iterator[tuple[str, str]]:
    """The phrases of a text that plain English does without."""
    yield from ((where, found[0].lower()) for found in FOUND.finditer(text or ""))


def of_commands(group: TyperGroup, *above: str) -> Iterator[tuple[str, str]]:
    """The help of a group and of everything in it."""
    yield from spoken(" ".join(above), f"{group.help} {group.epilog}")
    for name, command in group.commands.items():
        place = " ".join((*above, name))
        yield from spoken(place, f"{command.help} {command.epilog}")
        for parameter in command.params:
            yield from spoken(f"{place} {parameter.name}", getattr(parameter, "help", None))
        if isinstance(command, TyperGroup):
            yield from of_commands(command, *above, name)


def of_document(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """The headings and descriptions of an OpenAPI document."""
    if isinstance(value, list):
        for one in value:
            yield from of_document(one, where)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key in HEADINGS and isinstance(one, str):
                yield from spoken(where, one)
            else:
                yield from of_document(one, f"{where} {key}" if where.count(" ") < 2 else where)


def test_the_help_of_the_command_line_is_plain_english() -> None:
    root = whole()
    assert set(of_commands(root, "godwit")) == set()


def test_the_openapi_document_is_plain_english(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'godwit.db'}")
    store = open_store(settings)
    service = away(RuntimeError())
    document = create_app(
        ApiContext(settings, store, service, RequestLimiter("memory://"))
    ).openapi()
    store.close()
    assert len(document["paths"]) > 30
    assert set(of_document(document)) == set()


def test_what_the_web_ui_shows_of_workflows_is_plain_english() -> None:
    texts = [
        (path.name, str(keyword.value.value))
        for path in sorted((ROOT / "workflows").glob("*.py"))
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "description" and isinstance(keyword.value, ast.Constant)
    ]
    assert len(texts) >= 8
    assert {one for where, text in texts for one in spoken(where, text)} == set()
