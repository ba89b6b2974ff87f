"""The routes that carriers call: delivery receipts, and texts sent to our numbers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.datastructures import URL
from starlette.types import ASGIApp, Receive, Scope, Send

from campaign.handoffs import CarrierCall, Forged, Receipt
from campaign.refusals import Refused
from carriers import CarrierModule, UnknownCarrier, carrier_module
from carriers.callbacks import Ack, read_call
from dialects.http.api_model import ApiModel
from dialects.http.bodies import BadBody, read_bytes
from dialects.http.context import ApiContext
from dialects.native.problems import documented, problem, refused
from service.inbound import keep_inbound
from store.clock import wall_clock
from store.store import Store
from telemetry.logs import get_logger
from telemetry.metrics import CARRIER_CALLS_UNREAD, INBOUND_UNMATCHED

log = get_logger("godwit.receipts")

ExceptionHandler = Callable[[Request, Any], Any]

BODY_BYTES_MAX = 256 * 1024
BATCH_MAX = 500
# After a batch of several calls the next one gathers until as many are there, for so long at most:
# in a burst a transaction costs more than the receipts in it. Calls that come one after the other
# do not wait.
GATHER_SECONDS = 0.02
DEFAULT_ACK = Ack()


class Batcher:
    """Writes receipts that arrive together in one transaction; each caller waits for its own.

    A carrier posts one receipt per call, thousands in a burst; a commit for each would keep the
    database from the senders.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[Sequence[Receipt], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._gathers = 1
        self._gathered = asyncio.Event()

    async def write(self, receipts: Sequence[Receipt]) -> None:
        """Return once the receipts are committed; raises StoreUnavailable."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((receipts, future))
        if len(self._waiting) >= self._gathers:
            self._gathered.set()
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await future

    async def _write_all(self) -> None:
        while self._waiting:
            await self._gather()
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            receipts = [receipt for some, _ in batch for receipt in some]
            try:
                await asyncio.to_thread(self._store.receipts.apply, receipts, wall_clock())
            except Exception as error:
                self._resolve(batch, lambda future, e=error: future.set_exception(e))  # type: ignore[misc]
            else:
                self._resolve(batch, lambda future: future.set_result(None))
            self._gathers = len(batch)

    async def _gather(self) -> None:
        """Wait until as many calls wait as the last batch had: one, or what a burst brings."""
        self._gathered.clear()
        if len(self._waiting) < self._gathers:
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER_SECONDS):
                    await self._gathered.wait()

    @staticmethod
    def _resolve(
        batch: Sequence[tuple[Sequence[Receipt], asyncio.Future[None]]],
        resolve: Callable[[asyncio.Future[None]], None],
    ) -> None:
        for _, future in batch:
            # A caller that hung up has cancelled its future.
            if not future.done():
                resolve(future)


class Accepted(ApiModel):
    """The answer to a callback that was taken, where the carrier expects no other."""

    status: Literal["accepted"]


_ACKS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Taken; the answer that the carrier expects",
        "content": {"text/xml": {"schema": {"type": "string"}}},
    },
    202: {
        "description": "Taken",
        "content": {"application/json": {"schema": Accepted.model_json_schema()}},
    },
}


class CarrierCalls:
    """Answers what carriers call about: receipts, and texts to our numbers."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._carriers = frozenset(context.settings.carriers)
        self._batcher = Batcher(context.store)

    async def answer(self, request: Request, name: str) -> Response:
        """Take the call of a carrier; what it says is committed before the answer.

        Raises ServiceUnavailable or StoreUnavailable.
        """
        try:
            module = carrier_module(name)
        except UnknownCarrier:
            return problem(404, "not_found", "there is no such carrier")
        if name not in self._carriers:
            # Only carriers that messages are sent through may call.
            return problem(404, "not_found", "this carrier is not in use")
        try:
            body = await read_bytes(request, BODY_BYTES_MAX)
            headers = {
                key.decode("latin-1"): value.decode("latin-1")
                for key, value in request.scope["headers"]
            }
            call = CarrierCall(
                request.method, _address(self._context, request.scope), headers, body
            )
            await self._take(module, call, name)
        except Forged:
            log.warning("forged", carrier=name)
            return problem(
                403, "forbidden", "the signature or token of this carrier is missing or wrong"
            )
        except Refused as error:
            return refused(error.refusals)
        except BadBody as bad:
            return problem(bad.status, "malformed_request", bad.reason)
        return _response(getattr(module, "ACK", DEFAULT_ACK))

    async def _take(self, module: CarrierModule, call: CarrierCall, name: str) -> None:
        read = read_call(module, call)
        if read.receipts:
            receipts = [replace(receipt, carrier=name) for receipt in read.receipts]
            await self._batcher.write(receipts)
        store = self._context.store
        for inbound in read.texts:
            now = await asyncio.to_thread(store.clock.now)
            if not await asyncio.to_thread(keep_inbound, store, inbound, name, now):
                INBOUND_UNMATCHED.labels(name).inc()
                log.warning("inbound text fits no account", carrier=name)
        if not read.understood:
            CARRIER_CALLS_UNREAD.labels(name).inc()
            log.warning("call of an unknown kind", carrier=name)


def routes(calls: CarrierCalls) -> APIRouter:
    """The routes that carriers call, as they are documented; ``PastRouter`` serves them."""
    router = APIRouter(
        prefix="/carriers",
        tags=["Carriers"],
        default_response_class=Response,
        responses={**_ACKS, **documented(400, 403, 404, 413)},
    )

    # Some carriers call by GET, with everything in the query.
    @router.get("/{name}/receipts", include_in_schema=False)
    @router.post(
        "/{name}/receipts",
        status_code=202,
        operation_id="takeCarrierReceipts",
        summary="Take delivery receipts from a carrier",
    )
    async def take_receipts(request: Request, name: str) -> Response:
        """Receipts are committed before the answer. One for an unknown message changes nothing.

        A text counts at this address too: some carriers have one address for everything.
        """
        return await calls.answer(request, name)

    @router.get("/{name}/inbound", include_in_schema=False)
    @router.post(
        "/{name}/inbound",
        status_code=202,
        operation_id="takeCarrierTexts",
        summary="Take texts that people sent to our numbers",
    )
    async def take_inbound(request: Request, name: str) -> Response:
        """Every text to a number of an account is kept, reported and shown in its list.

        STOP and its synonyms opt the writer out for each account that has the number or wrote to
        the person from it. A reply to a leased number is forwarded as its message requested. The
        same text again changes nothing.
        """
        return await calls.answer(request, name)

    return router


class PastRouter:
    """Answers GET and POST of ``routes`` itself; the router tries each route of the API before.

    Everything else, such as HEAD and a wrong method, goes on to the router. ``handlers`` are those
    of the application, by the exception that they answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        calls: CarrierCalls,
        router: APIRouter,
        handlers: Mapping[Any, ExceptionHandler],
    ) -> None:
        self._app = app
        self._calls = calls
        self._handlers = handlers
        self._routes = {
            (method, route.path.rpartition("/")[2]): route
            for route in router.routes
            if isinstance(route, APIRoute)
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or pass it on. Source: ASGI 3.0."""
        route, name = self._find(scope) if scope["type"] == "http" else (None, "")
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        request = Request(scope, receive)
        try:
            response = await self._calls.answer(request, name)
        except Exception as error:
            kinds = (kind for kind in type(error).__mro__ if kind in self._handlers)
            if (kind := next(kinds, None)) is None:
                raise
            response = await self._handlers[kind](request, error)
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[APIRoute | None, str]:
        """The route of a request and the carrier in its path; None for any other route."""
        if scope["path"].startswith("/carriers/"):
            _, _, name, *rest = scope["path"].split("/", 3)
            if name and rest:
                return self._routes.get((scope["method"], rest[0])), name
        return None, ""


@cache
def _response(ack: Ack) -> Response:
    return Response(ack.body, ack.status, media_type=ack.media_type)


def _address(context: ApiContext, scope: Scope) -> str:
    """The URL as the carrier called it, before any proxy: carriers sign it.

    Raises BadBody when the Host header is no host.
    """
    base = context.settings.public_url
    if not base:
        host = next((value for name, value in scope["headers"] if name == b"host"), None)
        base = _origin(scope["scheme"], host, scope.get("server"))
    query = scope["query_string"].decode()
    return f"{base}{scope['path']}?{query}" if query else f"{base}{scope['path']}"


@lru_cache(maxsize=16)
def _origin(scheme: str, host: bytes | None, server: tuple[str, int | None] | None) -> str:
    headers = [] if host is None else [(b"host", host)]
    url = URL(scope={"scheme": scheme, "server": server, "path": "", "headers": headers})
    try:
        urlsplit(str(url)).port  # noqa: B018 - reading the port raises ValueError if it is invalid.
    except ValueError:
        raise BadBody("the Host header is not a valid host") from None
    return str(url)
