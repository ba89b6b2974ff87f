"""What the routes of the console share: sessions, forms, failures and the headers of answers."""

import re
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute
from structlog.contextvars import bind_contextvars

from campaign.failures import ServiceUnavailable, StoreUnavailable
from campaign.refusals import Refused
from campaign.views import CampaignView
from console import words
from console.rendering import Pages
from console.sessions import CONSOLE_PATH, SESSION_SECONDS, Session, Sessions
from dialects.http.auth import Permission
from dialects.http.bodies import BadBody, parse_form, read_bytes
from dialects.http.context import ApiContext
from dialects.http.queries import check_query
from dialects.native.request_keys import id_bytes
from service.campaigns import StateConflict
from store.database.engine import StoreError
from store.database.threads import read_in_thread
from store.shared.activity import act_with_key

PREFIX = CONSOLE_PATH
SESSION_COOKIE, BROWSER_COOKIE = "godwit_console", "godwit_console_form"
FORM_TOKEN = "token"
# A word of a page that makes every press of its button the same request.
ONCE = re.compile(r"[A-Za-z0-9_-]{8,64}")
FORM_BYTES_MAX = 64 * 1024
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_FAILURES = (
    Refused,
    StateConflict,
    StoreError,
    BadBody,
    RequestValidationError,
    ServiceUnavailable,
    StoreUnavailable,
)


class Leave(Exception):
    """Leave a handler with a finished answer."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


@dataclass(frozen=True, slots=True)
class Console:
    """What the routes of the console work with."""

    api: ApiContext
    sessions: Sessions
    pages: Pages

    async def session(self, request: Request) -> Session | None:
        """The session of a request, if it has one."""
        token = request.cookies.get(SESSION_COOKIE)
        if not token:
            return None
        session = await read_in_thread(self.sessions.find, token)
        if session is not None:
            bind_contextvars(account=session.principal.account_id)
            act_with_key(session.principal.key_id)
        return session

    async def enter(
        self, request: Request, permission: Permission, in_sandbox: bool = False
    ) -> Session:
        """The session of a request with a permission, or with it for sandbox campaigns alone.

        Raises Leave: to the page for signing in, or with 403. Raises Refused for a query parameter
        that the route does not have.
        """
        session = await self.session(request)
        if session is None:
            back = request.url.path if request.method == "GET" else PREFIX
            raise Leave(redirect(f"{PREFIX}/sign-in?next={quote(back)}"))
        request.scope["console_session"] = session
        if not session.may(permission, in_sandbox):
            raise Leave(self.problem(request, 403, words.FORBIDDEN[permission]))
        check_query(request)
        await self.count_unread(request, session)
        return session

    async def submitted(
        self, request: Request, permission: Permission, in_sandbox: bool = False
    ) -> tuple[Session, dict[str, str]]:
        """The session and the fields of a form; raises as ``enter`` and ``read_form`` do."""
        session = await self.enter(request, permission, in_sandbox)
        return session, await self.read_form(request, session.id)

    async def count_unread(self, request: Request, session: Session) -> None:
        """Count the texts that nobody has read, which the head of each page shows."""
        if session.may(Permission.READ):
            request.scope["console_unread"] = await read_in_thread(
                self.api.store.conversations.unread, session.principal.account_id
            )

    async def read_form(self, request: Request, browser: str) -> dict[str, str]:
        """The fields of a form of ours; raises Leave with 403 unless its token is right.

        ``browser`` is what the token belongs to: the id of the session.
        """
        fields = parse_form(await read_bytes(request, FORM_BYTES_MAX))
        return self.checked(request, fields, browser)

    def checked(self, request: Request, fields: dict[str, str], browser: str) -> dict[str, str]:
        """The fields without their token; raises Leave with 403 unless it is right."""
        if not self.sessions.signatures.is_form_token(browser, fields.pop(FORM_TOKEN, "")):
            raise Leave(self.problem(request, 403, words.STALE_FORM))
        return fields

    async def own_campaign(
        self,
        request: Request,
        session: Session,
        id: str,
        permission: Permission = Permission.READ,
    ) -> CampaignView:
        """A campaign of the account; raises Leave with 404, for another account's as well.

        Raises Leave with 403 if the session lacks the permission for it.
        """
        account_id = session.principal.account_id
        view = await read_in_thread(self.api.store.campaigns.get, id, account_id)
        if view is None:
            raise Leave(self.problem(request, 404, words.NO_CAMPAIGN))
        if not session.may(permission, view.sandbox):
            raise Leave(self.problem(request, 403, words.FORBIDDEN[permission]))
        bind_contextvars(campaign=view.id)
        return view

    def page(
        self, request: Request, template: str, status: int = 200, /, **values: object
    ) -> Response:
        """Answer with a page; ``values`` are for the template."""
        session: Session | None = request.scope.get("console_session")
        unread = request.scope.get("console_unread", 0)
        shared = {"session": session, "path": request.url.path, "unread": unread}
        return self.pages.answer(template, status, {**shared, **values})

    def problem(self, request: Request, status: int, text: words.Text) -> Response:
        """Answer with a page that says what went wrong and what to do."""
        return self.page(request, "problem.html", status, text=text)

    def failed(self, request: Request, error: Exception) -> Response:
        """The page about an error; raises it again if it is none of ours."""
        match error:
            case Refused():
                text = words.refused(error.refusals)
                return self.problem(request, 400, text)
            case BadBody():
                return self.problem(request, error.status, words.bad_body(error))
            case StateConflict():
                return self.problem(request, 409, words.conflict(error))
            case RequestValidationError() | StoreError():
                return self.problem(request, 400, words.BAD_REQUEST)
            case ServiceUnavailable() | StoreUnavailable():
                response = self.problem(request, 503, words.UNAVAILABLE)
                response.headers["Retry-After"] = "5"
                return response
        raise error


Handle = Callable[[Request], Coroutine[Any, Any, Response]]


def route_class(console: Console) -> type[APIRoute]:
    """The class of the console's routes: failures become pages, and answers get their headers."""

    class ConsoleRoute(APIRoute):
        """A route whose answers are pages."""

        def get_route_handler(self) -> Handle:
            """See :meth:`fastapi.routing.APIRoute.get_route_handler`."""
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                try:
                    response = await handle(request)
                except Leave as leave:
                    response = leave.response
                except _FAILURES as error:
                    response = console.failed(request, error)
                return finished(response)

            return answer

    return ConsoleRoute


def finished(response: Response) -> Response:
    """An answer with the headers that every one of the console has."""
    response.headers.update(HEADERS)
    return response


def redirect(path: str) -> Response:
    """Send the browser to a page of ours by GET."""
    return RedirectResponse(path, 303)


def set_cookie(
    request: Request, response: Response, name: str, value: str, seconds: int = SESSION_SECONDS
) -> None:
    """Set a cookie that scripts cannot read and other sites' requests do not carry."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=PREFIX,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def browser_of(request: Request) -> str:
    """What the form for signing in is tied to: the browser's own cookie, or a new value for it."""
    given = request.cookies.get(BROWSER_COOKIE, "")
    return given if 16 <= len(given) <= 64 else secrets.token_urlsafe(24)


def new_once() -> str:
    """The word of a page by which its form is carried out once, however often it is sent."""
    return secrets.token_urlsafe(12)


def once_of(fields: Mapping[str, str]) -> str:
    """The word of the page that a form is on; raises BadBody where it has none of ours."""
    once = fields.get("once", "")
    if not ONCE.fullmatch(once):
        raise BadBody("the form is malformed")
    return once


def own_id(fields: Mapping[str, str], kind: str, session: Session) -> bytes:
    """The 16 bytes of the id of what a page makes, the same however often its form is sent."""
    made = id_bytes(f"console:{once_of(fields)}", kind, session.principal.account_id)
    assert made is not None
    return made


def local_path(path: str) -> str | None:
    """Where to go after signing in: a path of the console; None for anything else."""
    is_ours = path.startswith(f"{PREFIX}/") and "\\" not in path and path.isprintable()
    return path if is_ours and "//" not in path and ".." not in path else None
