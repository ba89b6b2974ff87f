"""HTTP methods: HEAD wherever GET is, and which methods a path has."""

from collections.abc import Sequence

from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class HeadAsGet:
    """Passes HEAD on as GET where no route takes HEAD; the server leaves the body out."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on. Source: ASGI 3.0; RFC 9110, section 9.3.2."""

        async def sending(message: Message) -> None:
            scope["method"] = "HEAD"
            await send(message)

        if scope["type"] != "http" or scope["method"] != "HEAD" or _takes(self._routes, scope):
            await self._app(scope, receive, send)
            return
        scope["method"] = "GET"
        try:
            await self._app(scope, receive, sending)
        finally:
            # The server, which leaves the body out, and the counter of requests look at it.
            scope["method"] = "HEAD"


def allowed_methods(routes: Sequence[BaseRoute], scope: Scope) -> str:
    """The methods that the path of a request has, for the header Allow."""
    found = [method for method in METHODS if _takes(routes, {**scope, "method": method})]
    if "GET" in found and "HEAD" not in found:
        found.insert(1, "HEAD")
    return ", ".join(found)


def _takes(routes: Sequence[BaseRoute], scope: Scope) -> bool:
    # Matching writes into the framework's own part of a scope.
    own = {name: value for name, value in scope.items() if name != "fastapi"}
    return any(route.matches(own)[0] is Match.FULL for route in routes)
