"""The documents are compared with the project: moves, files, links and terms."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from campaign.states import CAMPAIGN_MOVES, MESSAGE_MOVES, CampaignStatus, MessageStatus
from tests.test_layout import ROOT, named, sources

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
FRONT = [ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY", "CHANGELOG")]
FRONT.append(ROOT / "examples" / "README.md")
DECISIONS = [page for page in PAGES if re.fullmatch(r"\d{4}-.*", page.name)]

Moves = set[tuple[str, str]]
MACHINES: dict[str, tuple[type[StrEnum], Mapping[Any, frozenset[Any]]]] = {
    "Campaign": (CampaignStatus, CAMPAIGN_MOVES),
    "Message": (MessageStatus, MESSAGE_MOVES),
}


def moves_of(machine: Mapping[str, frozenset[str]]) -> Moves:
    """The moves that the code allows."""
    return {(str(source), str(target)) for source in machine for target in machine[source]}


def section(page: str, heading: str) -> str:
    """The part of a page below a heading, up to the next one of its kind."""
    found = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", page, re.M | re.S)
    assert found, f"there is no section {heading}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The rows of the tables in a text, without their headings."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line] for line in lines]
    ruled = [index for index, row in enumerate(cells) if set("".join(row)) <= set("-:")]
    headings = {index for rule in ruled for index in (rule - 1, rule)}
    return [row for index, row in enumerate(cells) if index not in headings]


def drawn(text: str) -> Moves:
    """The arrows of a diagram, ``[*]`` included."""
    block = re.search(r"^```mermaid\nstateDiagram-v2\n(.*?)^```", text, re.M | re.S)
    assert block, "there is no diagram"
    lines = block[1].splitlines()
    arrows = [re.fullmatch(r" {4}(\S+) --> (\S+)", line) for line in lines]
    assert None not in arrows, "a line of the diagram is no arrow"
    return {(arrow[1], arrow[2]) for arrow in arrows if arrow}


def ticked(text: str) -> list[str]:
    """Whatever stands between single backticks, outside of blocks of code."""
    return re.findall(
        r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    )


@pytest.mark.parametrize("name", MACHINES)
def test_the_diagram_of_states_draws_the_moves_that_the_code_allows(name: str) -> None:
    statuses, machine = MACHINES[name]
    arrows = drawn(section((DOCS / "states.md").read_text("utf-8"), name))
    assert {arrow for arrow in arrows if "[*]" not in arrow} == moves_of(machine)
    ends = {source for source, target in arrows if target == "[*]"}
    assert ends == {status.value for status in statuses} - {str(source) for source in machine}


@pytest.mark.parametrize("name", MACHINES)
def test_the_table_of_states_explains_each_move_once(name: str) -> None:
    table = rows(section((DOCS / "states.md").read_text("utf-8"), name))
    result = [
        (source, target)
        for cells in table
        if len(cells) == 3 and ticked(cells[1])
        for source in ticked(cells[0])
        for target in ticked(cells[1])
        if target in {status.value for status in MACHINES[name][0]}
    ]
    assert len(result) == len(set(result))
    assert set(result) == moves_of(MACHINES[name][1])


def test_money_and_keys_are_explained_for_every_state_of_a_message() -> None:
    table = rows(section((DOCS / "states.md").read_text("utf-8"), "Message"))
    result = [state for cells in table if not ticked(cells[1]) for state in ticked(cells[0])]
    assert sorted(result) == sorted(status.value for status in MessageStatus)


def test_every_file_that_a_document_names_is_there() -> None:
    tops = {path.name for path in ROOT.iterdir() if not path.name.startswith(".venv")}
    faults = []
    for page in [*PAGES, *FRONT]:
        for word in ticked(page.read_text("utf-8")):
            is_path = re.fullmatch(r"[\w.\-/]+", word) and word.partition("/")[0] in tops
            if is_path and not (ROOT / word).exists():
                faults.append(f"{named(page)} names {word}")
    assert faults == []


def test_every_link_of_a_document_leads_somewhere() -> None:
    faults = [
        f"{named(page)} links to {target}"
        for page in [*PAGES, *FRONT]
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert faults == []


def test_every_document_that_code_refers_to_is_there() -> None:
    faults = [
        f"{named(path)} refers to {name}"
        for path in [*sources(), ROOT / "docker-compose.yml"]
        for name in re.findall(r"(?<![\w/.])docs/[\w/.-]*\w", path.read_text("utf-8"))
        if not (ROOT / name).exists()
    ]
    assert faults == []


def test_every_term_of_the_glossary_is_explained_once_and_names_its_files() -> None:
    table = rows((DOCS / "glossary.md").read_text("utf-8"))
    terms = [cells[0] for cells in table]
    assert [cells for cells in table if len(cells) != 3 or not all(cells)] == []
    assert terms == sorted(set(terms), key=str.casefold)
    missing = [
        f"{cells[0]}: {place}"
        for cells in table
        for place in ticked(cells[2])
        if not (ROOT / place).exists()
    ]
    assert missing == []


def test_decisions_are_numbered_short_and_indexed() -> None:
    numbers = [int(page.name[:4]) for page in DECISIONS]
    assert numbers == list(range(1, len(DECISIONS) + 1))
    index = (DOCS / "decisions" / "README.md").read_text("utf-8")
    for page in DECISIONS:
        text = page.read_text("utf-8")
        title = text.partition("\n")[0].removeprefix("# ")
        assert f"[{title}]({page.name})" in index, f"{page.name} is not in the index"
        assert re.findall(r"^## (.*)$", text, re.M) == ["Context", "Decision", "Consequence"]
        assert 15 <= len(text.splitlines()) <= 30, f"{page.name} is not short"
