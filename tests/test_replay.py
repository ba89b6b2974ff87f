"""Old histories replay on the present workflow: no campaign under way is lost to an upgrade."""

import gzip
import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from worker import make_runner
from workflows.campaign import CampaignWorkflow
from workflows.webhook_delivery import WebhookDeliveryWorkflow

WORKFLOWS = [CampaignWorkflow, WebhookDeliveryWorkflow]
HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json.gz"))


def replayer() -> Replayer:
    return Replayer(
        workflows=WORKFLOWS,
        data_converter=pydantic_data_converter,
        workflow_runner=make_runner(sandboxed=True),
    )


def read(file: Path) -> str:
    return gzip.decompress(file.read_bytes()).decode()


def history_of(text: str) -> WorkflowHistory:
    return WorkflowHistory.from_json("campaign:recorded", text)


def history_until_paused() -> WorkflowHistory:
    """A history that ends while the campaign is paused."""
    (file,) = (file for file in HISTORIES if file.name == "0.3-spread_paused_resumed.json.gz")
    events = json.loads(read(file))["events"]
    resumed = next(
        index
        for index, event in enumerate(events)
        if event.get("workflowExecutionSignaledEventAttributes", {}).get("signalName") == "resume"
    )
    last = max(
        index
        for index, event in enumerate(events[:resumed])
        if event["eventType"] == "EVENT_TYPE_WORKFLOW_TASK_COMPLETED"
    )
    return history_of(json.dumps({"events": events[: last + 1]}))


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
