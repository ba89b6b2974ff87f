"""The native API about the retry of a campaign, whole or in part."""

from fastapi import APIRouter, Request

from campaign.retry import EVERYTHING
from dialects.http.answers import body_of
from dialects.http.auth import Permission
from dialects.http.bodies import read_json_as
from dialects.http.context import ApiContext
from dialects.native.handling import own_campaign
from dialects.native.problem_models import About
from dialects.native.problems import SENDING, documented
from dialects.native.retry_models import RetriedCampaign, RetryBody, read_retry
from store.database.threads import read_in_thread

BODY_BYTES_MAX = 32 * 1024
_OPTIONAL_BODY = body_of(RetryBody)
_OPTIONAL_BODY["requestBody"]["required"] = False


def routes(context: ApiContext) -> APIRouter:
    """The route that retries a campaign."""
    router = APIRouter(
        prefix="/v1", tags=["Campaigns"], responses=documented(*SENDING, about=(About.CAMPAIGNS,))
    )

    @router.post(
        "/campaigns/{id}/retry",
        status_code=202,
        operation_id="retryCampaign",
        summary="Retry a campaign, whole or in part",
        openapi_extra=_OPTIONAL_BODY,
    )
    async def retry(request: Request, id: str) -> RetriedCampaign:
        """Queues failed messages of an ended campaign again, under the same campaign id.

        `retried` is their number. Their credits are held again: for all of them, or none with 402.
        Without a body those that failed for a temporary reason are sent again. With `reasons` it
        is those that failed for these, temporary or not. 409 `nothing_failed` if none matches. The
        retry starts when Temporal answers. Another call while it runs changes nothing.
        """
        view = await own_campaign(request, context, id, Permission.CONTROL)
        wanted = EVERYTHING
        if _has_body(request):
            wanted = await read_json_as(request, BODY_BYTES_MAX, read_retry)
        retried = await context.service.retry(view, wanted)
        latest = await read_in_thread(context.store.campaigns.get, id)
        return RetriedCampaign.after(latest or view, retried)

    return router


def _has_body(request: Request) -> bool:
    headers = request.headers
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
