"""The activities in a history, by what they are called."""

import json
from collections.abc import Iterable

from temporalio.api.history.v1 import HistoryEvent


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
