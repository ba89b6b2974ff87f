"""Mobivate: its answers, as pydantic models, and how they are made."""

from typing import Literal

from campaign.instants import iso
from campaign.views import CampaignView
from dialects.http.api_model import AnswerModel, example
from dialects.mobivate.events import digits
from store.accounts.opt_outs import OptOutView

# The vendor's words for the sources of an opt-out.
_NOTES = {"api": "API", "inbound": "MO"}


class MobivateRecord(AnswerModel):
    """An accepted request; ``id`` names its campaign."""

    id: str
    type: Literal["BatchSMS", "SingleSMS"]
    scheduled: str
    recipientCount: int


class MobivateAccepted(AnswerModel):
    """The answer to an accepted request."""

    model_config = example(
        {
            "success": True,
            "record": {
                "id": "fd9b38fc-e10a-4ebe-8f5f-7fd8c1e4ae3c",
                "type": "BatchSMS",
                "scheduled": "2026-11-28T14:47:43.000Z",
                "recipientCount": 4,
            },
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


def show(view: CampaignView, type_: Literal["BatchSMS", "SingleSMS"]) -> MobivateAccepted:
    """Answer an accepted request; the answer to a replayed key is the same."""
    record = MobivateRecord(
        id=view.id,
        type=type_,
        scheduled=iso(max(view.scheduled_at or view.created_at, view.created_at)),
        recipientCount=view.total,
    )
    return MobivateAccepted(success=True, record=record)


def show_opt_out(one: OptOutView, **more: str) -> MobivateOptOut:
    """Show a number that opted out, as the older pages do; ``more`` may be its id."""
    return MobivateOptOut(
        **more, mobile=digits(one.number), note=_note_of(one), created=one.created_at
    )


def show_opt_out_record(one: OptOutView, account_id: str) -> MobivateOptOutRecord:
    """Show a number that opted out, as present clients read it."""
    number, at = digits(one.number), iso(one.created_at)
    return MobivateOptOutRecord(
        userID=account_id,
        msisdn=number,
        note=_note_of(one),
        created_at=at,
        updated_at=at,
        id=number,
        group=None,
    )


def _note_of(one: OptOutView) -> str:
    return _NOTES.get(one.source, one.source)
