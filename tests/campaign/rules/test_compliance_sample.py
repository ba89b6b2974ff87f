"""How well the compliance rules judge texts as people send them, by a labelled sample."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from campaign.rules import phishing, shaft

Part = Literal["seen", "held_out"]
SAMPLE = tomllib.loads(Path(__file__).with_name("sample.toml").read_text("utf-8"))
CLASSES = ("sex", "hate", "alcohol", "firearms", "tobacco")


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, the rule that should stop it (none for a clean one) and the SHAFT class."""

    text: str
    rule: Literal["clean", "shaft", "phishing"]
    shaft_class: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """How often a rule was right when it spoke, and how often it spoke when it should."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """The share of stopped texts that were to be stopped."""
        return self.right / (self.right + self.wrong)

    @property
    def recall(self) -> float:
        """The share of texts to be stopped that were."""
        return self.right / (self.right + self.missed)

    def __str__(self) -> str:
        return (
            f"precision {self.precision:.3f}, recall {self.recall:.3f} "
            f"({self.right} right, {self.wrong} wrong, {self.missed} missed)"
        )


def labelled(*parts: Part) -> Iterator[Labelled]:
    """The texts of some parts of the sample."""
    for part in parts:
        for text in SAMPLE["clean"][part]:
            yield Labelled(text, "clean")
        for name in CLASSES:
            for text in SAMPLE["shaft"][name][part]:
                yield Labelled(text, "shaft", name)
        for text in SAMPLE["phishing"][part]:
            yield Labelled(text, "phishing")


def stopped_by(rule: str, text: str) -> bool:
    """Whether one rule stops a text; ``clean`` lets it pass where neither does."""
    by_shaft = shaft.classify(text) is not None
    by_phishing = phishing.classify(text) is not None
    if rule == "clean":
        return not by_shaft and not by_phishing
    return by_shaft if rule == "shaft" else by_phishing


def score(rule: str, *parts: Part) -> Score:
    """Measure one rule, or how clean texts fare, on some parts of the sample."""
    right = wrong = missed = 0
    for one in labelled(*parts):
        stopped = stopped_by(rule, one.text)
        right += stopped and one.rule == rule
        wrong += stopped and one.rule != rule
        missed += not stopped and one.rule == rule
    return Score(right, wrong, missed)


def test_the_sample_is_large_enough_and_says_nothing_twice() -> None:
    every = list(labelled("seen", "held_out"))
    assert len({one.text for one in every}) == len(every) >= 160
    counts = {rule: sum(one.rule == rule for one in every) for rule in ("clean", "shaft")}
    assert counts["clean"] >= 80
    assert counts["shaft"] >= 45
    assert sum(one.rule == "phishing" for one in every) >= 35
    assert all(len(one.text) <= 640 for one in every)


@pytest.mark.parametrize("rule", ["clean", "shaft", "phishing"])
def test_the_rules_are_right_about_the_sample(
    rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, held_out = score(rule, "seen", "held_out"), score(rule, "held_out")
    with capsys.disabled():
        print(f"\n{rule:>8}, whole sample: {whole}")  # noqa: T201 - figures for the reader.
        print(f"{rule:>8}, held out:     {held_out}")  # noqa: T201
    assert whole.precision >= 0.97
    assert whole.recall >= 0.9
    assert held_out.precision >= 0.9
    assert held_out.recall >= 0.85


@pytest.mark.parametrize("name", CLASSES)
def test_a_stopped_text_is_stopped_for_the_class_it_is_of(name: str) -> None:
    found = [
        shaft.classify(one.text) for one in labelled("seen", "held_out") if one.shaft_class == name
    ]
    assert sum(answer == name for answer in found) >= 0.9 * len(found)
