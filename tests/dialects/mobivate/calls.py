"""Calls of the Mobivate API for its tests, in few words."""

import itertools
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from campaign.composing import compose
from campaign.model import ComposedCampaign
from campaign.phone import OfflineLookup
from campaign.refusals import Refused
from dialects.mobivate.errors import show_refusals
from dialects.mobivate.requests import read_batch
from store.accounts.api_keys import Principal
from tests.campaign.making import NOW, ids
from tests.serving import Api

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "mobivate"
Body = dict[str, Any]
PRINCIPAL = Principal(
    account_id="acc_1",
    key_id="AK1",
    permissions=frozenset({"*"}),
    property_sid="S1",
    strict_uniform=False,
    strict_keys=False,
    auto_key="random",
)
_numbers = itertools.count(1_000)


def sample(name: str) -> Any:
    """A document of the vendor's page."""
    return json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))


def bearer(api: Api, *permissions: str) -> dict[str, str]:
    """The header of a new key."""
    return {"authorization": f"Bearer {api.key(*permissions).bearer}"}


def batch(count: int = 2, **members: object) -> Body:
    """A batch to ``count`` numbers of which no campaign of this run has heard."""
    recipients = [{"recipient": f"1415555{next(_numbers):04d}"} for _ in range(count)]
    return {"recipients": recipients, "text": "Your parcel is here", "originator": "GODWIT"} | (
        members
    )


async def post(
    api: Api, body: object, path: str = "/send/batch", headers: dict[str, str] | None = None
) -> httpx.Response:
    """Post with a new key, or with the header given."""
    return await api.http.post(path, json=body, headers=headers or bearer(api))


async def accepted(api: Api, body: object, path: str = "/send/batch") -> Body:
    """The record of an accepted request."""
    answer = await post(api, body, path)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert set(shown) == {"success", "record"} and shown["success"] is True
    record: Body = shown["record"]
    assert set(record) == {"id", "type", "scheduled", "recipientCount"}
    return record


def composed(body: Body) -> ComposedCampaign:
    """What a batch comes to before anything is stored; raises Refused."""
    return compose(read_batch(body, PRINCIPAL), NOW, None, OfflineLookup(), ids())


def refused(body: Body) -> Body:
    """The error that a batch is refused with before anything is stored."""
    with pytest.raises(Refused) as caught:
        composed(body)
    error: Body = json.loads(bytes(show_refusals(caught.value).body))["error"]
    return error


def check_error(answer: httpx.Response, name: str, status: int) -> Body:
    """Hold an answer against the vendor's error shape."""
    assert answer.status_code == status, answer.text
    shown = answer.json()
    assert set(shown) == {"success", "error"} and shown["success"] is False
    error: Body = shown["error"]
    assert (error["name"], error["statusCode"]) == (name, status)
    assert set(error) <= {"name", "statusCode", "message", "details"}
    return error


def texts(api: Api, campaign_id: str) -> list[str]:
    """What each message of a campaign says, by position."""
    return [message.text for message in api.story.store.campaigns.messages(campaign_id)]
