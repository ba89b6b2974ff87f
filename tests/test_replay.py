"""Old histories replay on the present workflow: no campaign under way is lost to an upgrade."""

import gzip
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from workflows.campaign import CampaignWorkflow

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json.gz"))


def replayer() -> Replayer:
    return Replayer(workflows=[CampaignWorkflow], data_converter=pydantic_data_converter)


def read(file: Path) -> str:
    return gzip.decompress(file.read_bytes()).decode()


def history_of(text: str) -> WorkflowHistory:
    return WorkflowHistory.from_json("campaign:recorded", text)


def test_histories_are_recorded() -> None:
    assert len(HISTORIES) >= 5


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    await replayer().replay_workflow(history_of(read(file)))


async def test_a_history_of_another_story_does_not_replay() -> None:
    (file,) = (file for file in HISTORIES if file.name == "0.1-cancelled.json.gz")
    text = read(file).replace('"next_waves"', '"count"')
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(history_of(text))


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: file.stem)
def test_a_recorded_history_names_nobody(file: Path) -> None:
    text = read(file)
    assert "+1415" not in text and "shipped" not in text
