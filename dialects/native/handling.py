"""What the route modules of the native API share: callers, bodies, pages and failures."""

from typing import TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ValidationError
from structlog.contextvars import bind_contextvars

from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused
from campaign.states import CAMPAIGN_ENDS
from campaign.views import CampaignView
from dialects.http.auth import CHALLENGE, Permission, Unauthenticated, authenticate
from dialects.http.bodies import BadBody, read_json
from dialects.http.context import ApiContext
from dialects.http.queries import check_query
from dialects.http.vendor_routes import Stop as Stop
from dialects.native.fields import NAME_SHOWN_MAX
from dialects.native.problems import problem, refused
from service.campaigns import StateConflict
from store.accounts.api_keys import Principal
from store.database.engine import StoreError
from store.database.threads import read_in_thread
from store.store import Store

PAGE_MAX = 1_000
Model = TypeVar("Model", bound=BaseModel)


async def enter(
    request: Request, store: Store, permission: Permission, in_sandbox: bool = False
) -> Principal:
    """Authenticate a request and check one permission; raises Stop with 401 or 403.

    See :meth:`store.accounts.api_keys.Principal.may` for ``in_sandbox``.
    Raises Refused if the query has a parameter that the route does not declare, or one twice.
    """
    try:
        principal = await authenticate(request, store)
    except Unauthenticated as error:
        raise Stop(problem(401, "unauthenticated", str(error), headers=CHALLENGE)) from None
    if not principal.may(permission, in_sandbox):
        raise Stop(_forbidden(principal, permission))
    check_query(request)
    return principal


async def own_campaign(
    request: Request, context: ApiContext, id: str, permission: Permission
) -> CampaignView:
    """Find a campaign of the caller; raises Stop, with 404 for another account's campaign too.

    A sandbox key controls campaigns of the sandbox only.
    """
    principal = await enter(request, context.store, permission, in_sandbox=True)
    view = await read_in_thread(context.store.campaigns.get, id, principal.account_id)
    if view is None:
        raise Stop(not_found("campaign"))
    if not principal.may(permission, view.sandbox):
        raise Stop(_forbidden(principal, permission))
    bind_contextvars(campaign=view.id)
    return view


def _forbidden(principal: Principal, permission: Permission) -> JSONResponse:
    what = f"this key lacks the permission {permission}"
    if principal.may(permission, in_sandbox=True):
        what = "a sandbox key changes nothing but campaigns of the sandbox"
    return problem(403, "forbidden", what)


async def read_model(request: Request, model: type[Model], bytes_max: int) -> Model:
    """Read a JSON body into a model; raises Stop with 400 naming each faulty member."""
    body = await read_json(request, bytes_max)
    try:
        return model.model_validate(body)
    except ValidationError as error:
        places = {".".join(map(str, fault["loc"]))[:NAME_SHOWN_MAX] for fault in error.errors()}
        listed = ", ".join(sorted(places)[:SHOWN_MAX])
        raise invalid(f"wrong or missing: {listed}") from None


def page_size(limit: int) -> int:
    """Check the ``limit`` of a page; raises Stop with 400."""
    if not 1 <= limit <= PAGE_MAX:
        raise invalid(f"limit must be from 1 to {PAGE_MAX}", "limit")
    return limit


def invalid(title: str, place: str = "") -> Stop:
    """Make the Stop for a member or parameter, named by ``place``, that has a wrong value."""
    fault = {"place": place, "code": "field_invalid", "detail": title}
    return Stop(problem(400, "field_invalid", title, [fault] if place else ()))


def not_found(what: str) -> JSONResponse:
    """Answer 404: the caller's account has no such ``what``."""
    return problem(404, "not_found", f"there is no such {what}")


def messages_removed() -> JSONResponse:
    """Answer 410: the messages of a campaign are not kept any more."""
    return problem(410, "messages_removed", "the messages of this campaign have been removed")


def deleted(existed: bool, what: str) -> Response:
    """Answer 204 after a deletion, or 404 when there was nothing to delete."""
    return Response(status_code=204) if existed else not_found(what)


def stopped(error: Exception) -> Response:
    """Answer what a handler raised; raises the error again when it is none of ``RAISED``."""
    match error:
        case Stop():
            return error.response
        case Refused():
            return refused(error.refusals)
        case RequestValidationError():
            return refused(faults_of_parameters(error))
        case BadBody():
            return problem(error.status, "malformed_request", error.reason)
        case StateConflict():
            if error.code:
                return problem(409, error.code, error.reason)
            if error.status in CAMPAIGN_ENDS:
                return problem(409, "campaign_ended", f"the campaign has ended: {error.status}")
            return problem(409, "campaign_began", f"the campaign has begun: {error.status}")
        case StoreError():
            return problem(400, "field_invalid", str(error))
    raise error


def faults_of_parameters(error: RequestValidationError) -> list[Refusal]:
    """The parameters that have a wrong value, each once, without its value."""
    faults = {str(fault["loc"][-1]): str(fault["msg"]) for fault in error.errors()}
    return [
        Refusal(RefusalCode.FIELD_INVALID, f"{name}: {what}", name)
        for name, what in sorted(faults.items())
    ]


RAISED = (Stop, Refused, BadBody, StateConflict, StoreError, RequestValidationError)
