"""Signing in, by a key or a one-time link, and signing out."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console import navigation, words
from console.handling import (
    BROWSER_COOKIE,
    PREFIX,
    SESSION_COOKIE,
    Console,
    Leave,
    browser_of,
    local_path,
    redirect,
    set_cookie,
)
from dialects.http.auth import caller_of
from store.accounts.api_keys import Principal
from store.database.threads import read_in_thread

SIGN_IN_LIMIT = "10/minute"
FIELD_LENGTH_MAX = 200


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about access."""

    def form(request: Request, status: int, next: str, fault: str | None = None) -> Response:
        browser = browser_of(request)
        token = console.sessions.signatures.form_token(browser)
        response = console.page(
            request,
            "sign_in.html",
            status,
            form_token=token,
            next=local_path(next) or "",
            fault=fault,
        )
        set_cookie(request, response, BROWSER_COOKIE, browser)
        return response

    def enter(request: Request, principal: Principal, next: str) -> Response:
        home = navigation.first_page(principal)
        if home is None:
            return form(request, 403, next, words.NO_PAGES)
        response = redirect(local_path(next) or home)
        token = console.sessions.signatures.session_token(principal.key_id)
        set_cookie(request, response, SESSION_COOKIE, token)
        return response

    async def limit(request: Request) -> None:
        window = await console.api.limiter.take(
            SIGN_IN_LIMIT, "console sign-in", caller_of(request)
        )
        if not window.allowed:
            response = console.problem(request, 429, words.TOO_MANY_SIGN_INS)
            response.headers.update(window.headers())
            raise Leave(response)

    @router.get("/sign-in")
    async def show(request: Request, next: str = "") -> Response:
        """The form for a key."""
        return form(request, 200, next)

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        """Start a session with a key; a wrong one is answered with the form again."""
        await limit(request)
        fields = await console.read_form(request, browser_of(request))
        key_id = fields.get("keyId", "").strip()[:FIELD_LENGTH_MAX]
        secret = fields.get("keySecret", "").strip()[:FIELD_LENGTH_MAX]
        principal = await read_in_thread(console.sessions.sign_in, key_id, secret)
        path = fields.get("next", "")
        if principal is None:
            return form(request, 401, path, words.WRONG_KEY)
        return enter(request, principal, path)

    @router.get("/link/{token}")
    async def follow(request: Request, token: str) -> Response:
        """Start a session with a one-time link, which is used up by that."""
        await limit(request)
        principal = await asyncio.to_thread(console.sessions.follow_link, token)
        if principal is None:
            return form(request, 401, "", words.USED_LINK)
        return enter(request, principal, "")

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        """End the session in this browser, and wherever its cookie was copied to."""
        session = await console.session(request)
        response = redirect(f"{PREFIX}/sign-in")
        if session is not None:
            await console.read_form(request, session.id)
            await asyncio.to_thread(console.sessions.end, session)
        response.delete_cookie(SESSION_COOKIE, path=PREFIX, httponly=True, samesite="lax")
        return response
