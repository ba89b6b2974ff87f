"""The native API about test sends."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field, ValidationError

from campaign.model import Draft
from campaign.phone import canonical_number
from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.test_sends import TO_MAX
from dialects.http.answers import body_of
from dialects.http.auth import Permission
from dialects.http.bodies import read_json_as
from dialects.http.context import ApiContext
from dialects.http.payloads import payload_hash
from dialects.http.replays import note_replay
from dialects.native import responses as presenting
from dialects.native.campaign_models import Campaign
from dialects.native.fields import RequestModel, faults_of
from dialects.native.handling import enter
from dialects.native.problems import SENDING, documented
from dialects.native.request_keys import request_key, takes_key
from dialects.native.requests import CampaignBody, read
from service.composition import CampaignComposer
from service.test_sends import send_test
from store.accounts.api_keys import Principal


class TestSendBody(RequestModel):
    """A test send: to whom, and what recipient number ``recipient`` of ``campaign`` would get."""

    to: list[str] = Field(
        min_length=1, max_length=TO_MAX, description="one's own numbers, in international format"
    )
    recipient: int = Field(0, ge=0, description="the recipient whose text is sent, from 0")
    campaign: dict[str, Any] = Field(description="as in POST /v1/campaigns")


TestSend = tuple[Draft, int, list[str], str]


def routes(context: ApiContext) -> APIRouter:
    """The route that sends a test."""
    router = APIRouter(prefix="/v1", tags=["Campaigns"], responses=documented(*SENDING))
    composer = CampaignComposer(context.store, context.settings)

    @router.post(
        "/test-sends",
        status_code=201,
        summary="Send the text of one recipient to your own numbers",
        operation_id="createTestSend",
        responses={
            201: {"description": "The campaign of the test", "model": Campaign},
            200: {"description": "The campaign of a replayed key", "model": Campaign},
        },
        openapi_extra=takes_key(body_of(_schema())),
    )
    async def create(request: Request) -> Response:
        """Sends at once, whatever the schedule, the spread and the window of the campaign.

        The test is a campaign of its own, marked `test`: validated, paid for and reported like any
        other. Numbers that opted out are skipped.
        """
        principal = await enter(request, context.store, Permission.SEND)
        key, bytes_max = request_key(request), context.settings.body_bytes_max
        draft, recipient, numbers, hashed = await read_json_as(
            request, bytes_max, _reader(principal)
        )
        admission = await send_test(
            context.service, composer, draft, recipient, numbers, key, hashed
        )
        note_replay(request, admission.replayed)
        view = admission.campaign
        return JSONResponse(
            presenting.campaign_json(view),
            200 if admission.replayed else 201,
            {"Location": f"/v1/campaigns/{view.id}"},
        )

    return router


def _reader(principal: Principal) -> Callable[[Any], TestSend]:
    def read_test(body: Any) -> TestSend:
        """Read a request; raises Refused with every fault and its place."""
        try:
            parsed = TestSendBody.model_validate(body)
        except ValidationError as error:
            raise Refused(*faults_of(error)) from None
        numbers, faults = [], []
        for index, written in enumerate(parsed.to):
            number = canonical_number(written)
            numbers.append(number or "")
            if number is None:
                what = "must be a phone number in international format"
                faults.append(Refusal(RefusalCode.NUMBER_INVALID, what, f"to[{index}]"))
        if faults:
            raise Refused(*faults)
        try:
            draft = read(parsed.campaign, principal)
        except Refused as refused:
            places = [f"campaign.{one.place}".rstrip(".") for one in refused.refusals]
            pairs = zip(refused.refusals, places, strict=True)
            raise Refused(*(replace(one, place=place) for one, place in pairs)) from None
        return draft, parsed.recipient, numbers, payload_hash(body)

    return read_test


@cache
def _schema() -> dict[str, Any]:
    schema = TestSendBody.model_json_schema()
    of_campaign = CampaignBody.model_json_schema()
    schema.setdefault("$defs", {}).update(of_campaign.pop("$defs", {}))
    schema["properties"]["campaign"] = of_campaign
    return schema
