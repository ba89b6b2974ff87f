"""Mobivate: its answers, as pydantic models, and the answer to an accepted request."""

from typing import Any, Literal

from pydantic import ConfigDict

from campaign.instants import iso
from campaign.views import CampaignView
from dialects.http.api_model import AnswerModel


class MobivateRecord(AnswerModel):
    """An accepted request; ``id`` names its campaign."""

    id: str
    type: Literal["BatchSMS", "SingleSMS"]
    scheduled: str
    recipientCount: int


class MobivateAccepted(AnswerModel):
    """The answer to an accepted request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "success": True,
                    "record": {
                        "id": "fd9b38fc-e10a-4ebe-8f5f-7fd8c1e4ae3c",
                        "type": "BatchSMS",
                        "scheduled": "2026-11-28T14:47:43.000Z",
                        "recipientCount": 4,
                    },
                }
            ]
        }
    )

    success: Literal[True]
    record: MobivateRecord


class MobivateFault(AnswerModel):
    """What is wrong, and where in the request."""

    path: str
    message: str


class MobivateError(AnswerModel):
    """Why a request failed; only what the caller can correct has a message."""

    name: str
    statusCode: int
    message: str = ""
    details: list[MobivateFault] = []


class MobivateFailure(AnswerModel):
    """The answer to a failed request."""

    success: Literal[False]
    error: MobivateError


class MobivateArchivedFailure(AnswerModel):
    """The answer to a failed request of a route that only the older pages describe."""

    code: int
    message: str


class MobivateOptOut(AnswerModel):
    """A number that opted out; ``created`` is in milliseconds since the Unix epoch."""

    id: str = ""
    mobile: str
    note: str
    created: int


class MobivateLogged(AnswerModel):
    """A message of the log; the cost is in credits."""

    id: str
    created: str
    modified: str
    originator: str | None
    recipient: str
    body: str | None
    status: str
    direction: Literal["MT"]
    inReplyTo: str | None
    routeId: str | None
    parts: int
    cost: int
    currency: str
    senderReference: str | None
    campaignId: str


class MobivateHistoryMessage(AnswerModel):
    """A message of the history; the price is in credits."""

    id: str
    reference: str | None
    status: str
    price: int
    currency: str
    parts: int
    created_at: str
    updated_at: str


class MobivateOptOutRecord(AnswerModel):
    """A number that opted out, as present clients read it."""

    userID: str
    msisdn: str
    note: str
    created_at: str
    updated_at: str
    id: str
    group: None


class MobivateHistoryPage(AnswerModel):
    """A page of the history, of ``matches`` messages among ``scanned``."""

    type: Literal["messages"]
    results: list[MobivateHistoryMessage]
    scanned: int
    matches: int
    offset: int
    limit: int


class MobivateOptOutPage(AnswerModel):
    """A page of the opt-outs."""

    type: Literal["optouts"]
    results: list[MobivateOptOutRecord]
    scanned: int
    matches: int
    offset: int
    limit: int


def show(view: CampaignView, type_: str) -> dict[str, Any]:
    """Answer an accepted request; the answer to a replayed key is the same."""
    scheduled = max(view.scheduled_at or view.created_at, view.created_at)
    record = {
        "id": view.id,
        "type": type_,
        "scheduled": iso(scheduled),
        "recipientCount": view.total,
    }
    return {"success": True, "record": record}
