"""How well texts that ask to stop are read, by a labelled sample in many languages."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaign.keyword_reading import read_keyword
from campaign.keywords import Keyword, Reading

SAMPLE = tomllib.loads(
    (Path(__file__).parent.parent / "samples" / "keywords.toml").read_text("utf-8")
)
READINGS = {
    **{keyword.value: Reading(keyword) for keyword in Keyword},
    "review": Reading(needs_review=True),
    "nothing": Reading(),
}
# precision and recall: of the whole sample, and of what no word or sentence was written for.
FLOORS = {
    "stop": (0.99, 0.97, 0.98, 0.85),
    "start": (1.0, 1.0, 1.0, 1.0),
    "help": (1.0, 1.0, 1.0, 1.0),
    "review": (0.95, 0.97, 0.85, 0.95),
    "nothing": (0.95, 0.97, 0.85, 0.95),
}


def labelled(*parts: str) -> Iterator[tuple[str, str]]:
    """The texts of some parts of the sample with their labels."""
    for label, texts in SAMPLE.items():
        for part in parts:
            yield from ((text, label) for text in texts[part])


def measure(label: str, *parts: str) -> tuple[float, float]:
    """Precision and recall of one label."""
    read = [(read_keyword(text) == READINGS[label], own == label) for text, own in labelled(*parts)]
    right = sum(found and own for found, own in read)
    return right / sum(found for found, _ in read), right / sum(own for _, own in read)


def test_the_sample_is_large_and_says_nothing_twice() -> None:
    every = list(labelled("seen", "held_out"))
    assert len({text for text, _ in every}) == len(every) >= 300
    assert len(list(labelled("held_out"))) >= 100


@pytest.mark.parametrize("label", READINGS)
def test_a_text_is_read_as_a_person_reads_it(
    label: str, capsys: pytest.CaptureFixture[str]
) -> None:
    precision, recall = measure(label, "seen", "held_out")
    new_precision, new_recall = measure(label, "held_out")
    with capsys.disabled():
        print(  # noqa: T201 - figures for the reader.
            f"\n{label:>8}: precision {precision:.3f}, recall {recall:.3f}; "
            f"held out {new_precision:.3f}, {new_recall:.3f}"
        )
    figures = (precision, recall, new_precision, new_recall)
    assert all(figure >= floor for figure, floor in zip(figures, FLOORS[label], strict=True))


def test_no_text_that_a_person_must_read_stops_anybody() -> None:
    acted = [text for text, label in labelled("seen", "held_out") if label != "stop"]
    assert [text for text in acted if read_keyword(text).keyword is Keyword.STOP] == []
