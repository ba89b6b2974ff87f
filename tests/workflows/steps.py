"""The steps of a campaign: those in a history, and a claim that waits."""

import asyncio
import json
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from temporalio.api.history.v1 import HistoryEvent

from store.store import Store
from tests.conftest import Handle

RELEASED_SECONDS = 60
IDLE_SECONDS = 30


def steps_of_the_server(events: Iterable[HistoryEvent]) -> list[str]:
    """The activities that the server was asked for, in order."""
    return [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]


def local_steps(events: Iterable[HistoryEvent]) -> list[str]:
    """The local activities, in order; the marker of each says what it was."""
    markers = [
        event.marker_recorded_event_attributes
        for event in events
        if event.HasField("marker_recorded_event_attributes")
    ]
    data = [marker.details["data"].payloads[0].data for marker in markers]
    return [json.loads(each)["activity_type"] for each in data]


def hold_claims(patch: pytest.MonkeyPatch, store: Store) -> threading.Event:
    """Let no message of a store be claimed until the event that this returns is set."""
    released, claim = threading.Event(), store.sending.flush_and_claim

    def claim_when_released(*given: Any, **more: Any) -> Any:
        assert released.wait(RELEASED_SECONDS)
        return claim(*given, **more)

    patch.setattr(store.sending, "flush_and_claim", claim_when_released)
    return released


async def adds_no_history(handle: Handle) -> int:
    """See that a workflow, once it only waits, adds no event in two seconds; how many it has."""
    async with asyncio.timeout(IDLE_SECONDS):
        while True:
            described = await handle.describe()
            raw = described.raw_description
            if not (raw.pending_activities or raw.HasField("pending_workflow_task")):
                break
            await asyncio.sleep(0.05)
    await asyncio.sleep(2)
    assert (await handle.describe()).history_length == described.history_length
    return described.history_length
