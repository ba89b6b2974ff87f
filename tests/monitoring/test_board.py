"""The picture of the board in docs/images: what it draws, without Prometheus."""

import copy
import importlib.util
import re
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.monitoring.prometheus import PANELS
from tests.test_layout import ROOT

IMAGES = ROOT / "docs" / "images"
LABEL = re.compile(r"\{\{(\w+)\}\}")


def drawing() -> ModuleType:
    """The module that draws; ``docs`` is no package."""
    spec = importlib.util.spec_from_file_location("board_svg", IMAGES / "board_svg.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answers(panels: list[dict[str, Any]], values: tuple[float, ...]) -> dict[Any, Any]:
    """A series for each target, whose labels are called after themselves."""
    points = [(1_800_000_000.0 + 60 * index, value) for index, value in enumerate(values)]
    return {
        (panel["id"], target["refId"]): [
            ({name: f"a {name}" for name in LABEL.findall(target["legendFormat"])}, points)
        ]
        for panel in panels
        for target in panel["targets"]
    }


def texts(picture: str) -> list[str]:
    """Everything that a person reads in a picture."""
    found = ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")
    return [element.text or "" for element in found]


def test_every_panel_is_drawn_with_its_title_and_its_legends() -> None:
    shown = texts(drawing().draw(PANELS, answers(PANELS, (0.0, 3.0, float("nan"), 1.0))))
    for panel in PANELS:
        assert panel["title"] in shown
        if panel["type"] != "stat" or panel["options"]["textMode"] == "value_and_name":
            for target in panel["targets"]:
                assert LABEL.sub(r"a \1", target["legendFormat"]) in shown, panel["title"]


def test_panels_without_data_say_so() -> None:
    nothing: dict[Any, Any] = {key: [] for key in answers(PANELS, ())}
    first = PANELS[0]["id"], "A"
    nothing[first] = answers(PANELS, (1.0,))[first]
    assert texts(drawing().draw(PANELS, nothing)).count("No data") == len(PANELS) - 1


@pytest.mark.parametrize(("value", "color"), [(0, "green"), (20, "orange"), (300, "red")])
def test_a_stat_has_the_color_of_its_threshold(value: float, color: str) -> None:
    module = drawing()
    panel = next(panel for panel in PANELS if panel["title"] == "Oldest due")
    assert module.COLORS[color] in module.draw([panel], answers([panel], (value,)))


def test_a_stat_shows_the_word_that_its_value_is_mapped_to() -> None:
    panel = next(panel for panel in PANELS if panel["title"] == "Carriers")
    assert "DOWN" in texts(drawing().draw([panel], answers([panel], (0.0,))))


@pytest.mark.parametrize(
    "change",
    [{"type": "gauge"}, {"fieldConfig": {"defaults": {"unit": "furlongs"}}}],
    ids=["type", "unit"],
)
def test_a_type_or_unit_that_is_not_known_is_refused(change: dict[str, Any]) -> None:
    panels = copy.deepcopy(PANELS)
    panels[-1].update(change)
    with pytest.raises(KeyError):
        drawing().draw(panels, answers(panels, (1.0,)))


def test_the_picture_that_the_docs_show_has_every_panel() -> None:
    picture = (IMAGES / "board.svg").read_text("utf-8")
    assert {panel["title"] for panel in PANELS} <= set(texts(picture))
    assert len(picture.encode()) < 150_000
    assert "images/board.svg" in (ROOT / "docs" / "metrics.md").read_text("utf-8")
