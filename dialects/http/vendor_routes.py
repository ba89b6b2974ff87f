"""What all routes of vendors' APIs do: authenticate, limit, permit, work, and word failures."""

from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from fastapi.security import SecurityScopes

from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.ids import CAMPAIGN_PREFIX
from campaign.model import Draft
from campaign.refusals import Refused
from campaign.views import CampaignView
from dialects.http.auth import BASIC, Unauthenticated, authenticate, caller_of
from dialects.http.bodies import BadBody, read_json_as
from dialects.http.context import ApiContext, context_of
from dialects.http.queries import check_query
from dialects.http.rate_limits import Window
from dialects.http.replays import note_replay
from store.accounts.api_keys import Principal
from store.database.threads import read_in_thread
from telemetry.logs import get_logger

RETRY_SECONDS = "5"
T = TypeVar("T")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

log = get_logger("godwit.api")


class Stop(Exception):
    """Leave a handler with a finished answer."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Forbidden(Exception):
    """The key lacks the permission that the route needs."""


class TooManyRequests(Exception):
    """The caller has used its request limit up."""


# What answers a caller that is known, as long as it repeats its request.
REFUSALS = (Forbidden, TooManyRequests, BadBody, Refused)
_AVAILABILITY = (ServiceUnavailable, StoreUnavailable)
_EXPECTED = (Unauthenticated, *REFUSALS, *_AVAILABILITY)


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request that may do what its route does."""

    request: Request
    context: ApiContext
    principal: Principal

    def bytes_max(self, route_max: int) -> int:
        """The most bytes that the body may have: the limit of the route or the installation."""
        return min(route_max, self.context.settings.body_bytes_max)

    async def read(self, bytes_max: int, read: Callable[[Any, Principal], T]) -> T:
        """What ``read`` makes of the JSON body; raises BadBody, Refused, ServiceUnavailable."""
        limit = self.bytes_max(bytes_max)
        return await read_json_as(self.request, limit, lambda body: read(body, self.principal))

    async def is_opted_out(self, number: str) -> bool:
        """Tell whether a number has opted out of the account's messages."""
        opt_outs = self.context.store.opt_outs
        return await read_in_thread(opt_outs.contains, self.principal.account_id, number)

    async def admit(
        self, draft: Draft, id_prefix: str = CAMPAIGN_PREFIX, campaign_id: str | None = None
    ) -> CampaignView:
        """See :meth:`service.campaigns.CampaignService.admit`; notes a replay for the answer."""
        admission = await self.context.service.admit(draft, id_prefix, campaign_id)
        note_replay(self.request, admission.replayed)
        return admission.campaign


@dataclass(frozen=True, eq=False)
class Access:
    """A dependency of routes: the call of a key that may call them, within its request limit.

    ``limit`` gives the limit of each caller, such as ``5/minute``; routes with the same ``name``
    are counted together. ``schemes`` are those of ``dialects.http.auth`` that the API takes. The
    scope of :func:`fastapi.Security` is the permission. A caller without credentials is limited by
    its address. Raises Unauthenticated, TooManyRequests, Forbidden, and Refused for a query
    parameter that the route does not declare.
    """

    name: str
    limit: Callable[[], str]
    schemes: Collection[str] = tuple(BASIC)

    async def __call__(self, request: Request, permissions: SecurityScopes) -> Call:
        """Make the call of a request."""
        context = context_of(request)
        try:
            principal = await authenticate(request, context.store, self.schemes)
        except Unauthenticated:
            await self.count(request, caller_of(request))
            raise
        return await self.admit(request, principal, *permissions.scopes)

    async def admit(self, request: Request, principal: Principal, permission: str) -> Call:
        """Make the call of a request that is authenticated already; raises as calling does."""
        await self.count(request, principal.key_id)
        if not principal.may(permission):
            raise Forbidden
        check_query(request)
        return Call(request, context_of(request), principal)

    async def count(self, request: Request, caller: str) -> None:
        """Count a request of a caller and note its window; raises TooManyRequests."""
        limiter = context_of(request).limiter
        window = await limiter.take(self.limit(), self.name, caller)
        request.state.window = window
        if not window.allowed:
            raise TooManyRequests


def vendor_route(
    show: Callable[[Exception], Response], rate_headers: bool = False
) -> type[APIRoute]:
    """Make the class of the routes of one API.

    ``show`` renders what was raised: Unauthenticated, Forbidden, TooManyRequests, BadBody, Refused,
    ServiceUnavailable and StoreUnavailable; anything else is logged, and its own fault. With
    ``rate_headers`` every answer shows the window of the caller's request limit, otherwise a
    refusal shows when to come again. Members of answers that were not set are left out.
    """

    class VendorRoute(APIRoute):
        def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
            options["response_model_exclude_unset"] = True
            super().__init__(path, endpoint, **options)

        def get_route_handler(self) -> Handler:
            """See :class:`fastapi.routing.APIRoute`."""
            handle = super().get_route_handler()

            async def answered(request: Request) -> Response:
                try:
                    response = await handle(request)
                except Stop as stop:
                    response = stop.response
                except Exception as error:
                    if rate_headers and not hasattr(request.state, "window"):
                        raise  # The application answers, and adds the headers.
                    if not isinstance(error, _EXPECTED):
                        log.exception("a request failed")
                    response = show(error)
                    if isinstance(error, _AVAILABILITY):
                        response.headers["Retry-After"] = RETRY_SECONDS
                window: Window | None = getattr(request.state, "window", None)
                if window is not None and rate_headers:
                    response.headers.update(window.headers())
                elif window is not None and not window.allowed:
                    response.headers["Retry-After"] = window.headers()["Retry-After"]
                return response

            return answered

    return VendorRoute
