"""Each event is rendered as its model says, and the document has a webhook for it."""

import json
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest

from campaign.events import CAMPAIGN_EVENTS, OPT_OUT_EVENTS, Event
from dialects.native.event_models import MODELS
from dialects.native.events import render_event
from store.webhooks.events import OptedOut
from tests.dialects.textingline.test_events import CLICK, EVENT, INBOUND


def parts_of(event: Event) -> dict[str, Any]:
    """What an event of this kind has besides the message and its campaign."""
    if event is Event.MESSAGE_RECEIVED:
        return {"inbound": INBOUND}
    if event is Event.LINK_CLICKED:
        return {"click": CLICK}
    if event in OPT_OUT_EVENTS:
        return {"opt_out": OptedOut("+14155550100", "inbound", "pretend"), "message": None}
    if event is Event.WEBHOOK_TEST:
        return {"message": None, "campaign": None}
    return {"message": None} if event in CAMPAIGN_EVENTS.values() else {}


@pytest.mark.parametrize("event", Event)
def test_an_event_is_rendered_as_its_model_says(event: Event) -> None:
    body = json.loads(render_event(replace(EVENT, event=event, **parts_of(event))).body or b"")
    jsonschema_rs.validate(MODELS[event].model_json_schema(mode="serialization"), body)
