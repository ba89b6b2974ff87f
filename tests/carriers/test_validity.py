"""How long a message is valid is handed on to the carriers that can use it, within their bounds."""

import json
from typing import Any

import pytest

from campaign.instants import DAY, SECOND, iso
from tests.carriers.described import Described, form_of, handoff, query_of
from tests.carriers.descriptions import KANNEL, SINCH, TWILIO, VONAGE
from tests.carriers.exercise import saying
from tests.carriers.servers import Call, serving

TRIED = 1_800_000_000_000
MEDIA = "https://media.example/a.png"


async def sent(described: Described, patch: pytest.MonkeyPatch, **members: Any) -> Call:
    """What the carrier's server gets for one message."""
    async with serving(saying(described.yes)) as stub:
        described.set_up(patch, stub.base_url)
        carrier = described.open(10.0)
        await carrier.send(handoff(**members))
        await carrier.close()
    return stub.calls[0]


@pytest.mark.parametrize("seconds, sent_as", [(90, "90"), (36_001, "36000"), (None, None)])
async def test_twilio_is_told_up_to_ten_hours(
    seconds: int | None, sent_as: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await sent(TWILIO, monkeypatch, validity_seconds=seconds)
    assert form_of(call).get("ValidityPeriod") == sent_as


@pytest.mark.parametrize(
    "seconds, media_url, sent_as",
    [
        (90, None, 90),
        (1, None, 20),
        (90, MEDIA, 300),
        (604_800, None, 259_200),
        (None, None, None),
    ],
)
async def test_vonage_is_told_a_time_to_live_in_seconds(
    seconds: int | None,
    media_url: str | None,
    sent_as: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = await sent(VONAGE, monkeypatch, validity_seconds=seconds, media_url=media_url)
    assert json.loads(call.body).get("ttl") == sent_as


@pytest.mark.parametrize(
    "seconds, sent_as",
    [(90, iso(TRIED + 90 * SECOND)), (604_800, iso(TRIED + 3 * DAY)), (None, None)],
)
async def test_sinch_is_told_an_instant_within_three_days(
    seconds: int | None, sent_as: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await sent(SINCH, monkeypatch, validity_seconds=seconds)
    assert json.loads(call.body).get("expire_at") == sent_as


@pytest.mark.parametrize(
    "seconds, sent_as", [(150, "2"), (1, "1"), (604_800, "10080"), (None, None)]
)
async def test_kannel_is_told_whole_minutes(
    seconds: int | None, sent_as: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await sent(KANNEL, monkeypatch, validity_seconds=seconds)
    assert query_of(call).get("validity") == sent_as
