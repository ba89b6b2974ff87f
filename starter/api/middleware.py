"""What every answer passes: request id, headers, deadline, counter, and one line in the log."""

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache

from fastapi import Request
from fastapi.responses import Response
from prometheus_client import Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, get_contextvars, unbind_contextvars

from campaign.activity import Actor
from console.routes import CONSOLE
from dialects.dialect import Dialect
from dialects.http.answer_time import DEADLINE
from dialects.http.context import ApiContext
from dialects.http.replays import HEADER as REPLAYED
from dialects.http.replays import is_replay
from dialects.registry import DIALECTS
from starter.api.methods import METHODS
from store.shared.activity import act_as
from telemetry.logs import get_logger
from telemetry.metrics import HTTP_REQUESTS, HTTP_SECONDS
from telemetry.tracing import NO_SPAN, Span, request_span

log = get_logger("godwit.api")

RETRY_SECONDS = "5"
ANSWER_SECONDS_MAX = 60.0
HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
REQUEST_ID = b"x-request-id"
# What the lines of one request have in common; authentication and handlers add theirs.
BOUND = ("request_id", "account", "campaign")
# Asked every few seconds by machines.
UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})
_SANE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:=/-]{0,127}")
_LIKE_A_NUMBER = re.compile(rb"[0-9._:=/-]{5,22}")


def dialect_of(path: str) -> Dialect:
    """The dialect that owns a path; the native one owns what no other does."""
    for dialect in (CONSOLE, *DIALECTS):
        if path.startswith(dialect.prefix):
            return dialect
    return DIALECTS[-1]


Answer = Callable[[Request, int, str], Awaitable[Response]]


def answerer(context: ApiContext) -> Answer:
    """Make the function that answers, in the shape of a path's dialect, what no route answered.

    It takes the request, an HTTP status and a sentence.
    """

    async def answer(request: Request, status: int, text: str) -> Response:
        dialect = dialect_of(request.scope["path"])
        response = dialect.show_error(status, text)
        if dialect.finish is None:
            return response
        try:
            return await dialect.finish(context, request, response)
        except Exception as error:
            log.error("an answer could not be completed", exc_info=error)
            return response

    return answer


def request_id_of(headers: Sequence[tuple[bytes, bytes]]) -> str:
    """The request id that came with a request, or a new one of 32 hexadecimal digits.

    One that came is taken over if it is short, plain, and cannot be a phone number: it goes into
    the log.
    """
    given = [value for name, value in headers if name == REQUEST_ID]
    if len(given) == 1 and _SANE.fullmatch(given[0]) and not _LIKE_A_NUMBER.fullmatch(given[0]):
        return given[0].decode()
    return secrets.token_hex(16)


class Outermost:
    """Adds headers to every answer, counts and logs it, and limits the time until one starts.

    What no handler answered becomes a 500, in the shape of the dialect that owns the path; its
    line in the log has the same request id.
    """

    def __init__(self, app: ASGIApp, answer: Answer) -> None:
        self._app = app
        self._answer = answer
        # Bound once: each line would bind it anew.
        self._log = log.bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on. Source: ASGI 3.0."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] in UNTRACED:
            await self._pass_on(scope, receive, send, NO_SPAN)
            return
        with request_span(scope["method"], scope["headers"]) as span:
            await self._pass_on(scope, receive, send, span)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, span: Span) -> None:
        began, status = time.monotonic(), 0
        request_id = request_id_of(scope["headers"])
        bind_contextvars(request_id=request_id)
        client = scope.get("client")
        act_as(Actor(request_id=request_id, address=client[0] if client else None))
        deadline: asyncio.Timeout | None = None

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                if deadline is not None:
                    # An answer that has started, such as a long report, has no time limit.
                    deadline.reschedule(None)
                status = message["status"]
                given = list(message.get("headers", []))
                names = {name for name, _ in given}
                # A file that may be cached says so itself.
                ours = [header for header in HEADERS if header[0] not in names]
                ours.append((REQUEST_ID, request_id.encode()))
                if is_replay(scope):
                    ours.append((REPLAYED.lower().encode(), b"true"))
                message["headers"] = [*given, *ours]
                route = _route(scope)
                _counted(_method(scope), route, status).inc()
                HTTP_SECONDS.observe((route,), (time.monotonic() - began,))
            await send(message)

        try:
            try:
                async with asyncio.timeout(ANSWER_SECONDS_MAX) as deadline:
                    scope[DEADLINE] = deadline
                    await self._app(scope, receive, sending)
            except Exception as error:
                deadline = None
                log.error("a request failed", exc_info=error)
                span.fail(error)
                if status:
                    raise  # The server cuts the connection, so that no caller takes it for whole.
                response = await self._answer_to(error, Request(scope), request_id)
                await response(scope, receive, sending)
        finally:
            self._log.info(
                "request",
                method=scope["method"],
                route=_route(scope),
                status=status or None,
                milliseconds=round((time.monotonic() - began) * 1000, 1),
            )
            if span is not NO_SPAN:
                _describe(span, scope, status)
            unbind_contextvars(*BOUND)
            act_as(None)

    async def _answer_to(self, error: Exception, request: Request, request_id: str) -> Response:
        if not isinstance(error, TimeoutError):
            return await self._answer(request, 500, f"an unexpected error occurred ({request_id})")
        # A database that hangs must not keep callers waiting.
        response = await self._answer(request, 503, "temporarily unavailable")
        response.headers["Retry-After"] = RETRY_SECONDS
        return response


@lru_cache(maxsize=2_000)
def _counted(method: str, route: str, status: int) -> Counter:
    return HTTP_REQUESTS.labels(method, route, status)


def _describe(span: Span, scope: Scope, status: int) -> None:
    """Give a request's span the ids of its line in the log, and the name of its route."""
    span.rename(f"{_method(scope)} {_route(scope)}")
    bound = get_contextvars()
    span.set(
        **{"http.route": _route(scope), "http.response.status_code": status or None},
        **{name: bound.get(name) for name in BOUND},
    )


def _method(scope: Scope) -> str:
    """The method of a request; "other" for any word that no route takes."""
    return scope["method"] if scope["method"] in METHODS else "other"


def _route(scope: Scope) -> str:
    """The pattern of a route, never the path: paths hold phone numbers."""
    return getattr(scope.get("route"), "path", "none")
