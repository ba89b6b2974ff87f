"""Conditional reads: an answer that the caller has already is not sent again."""

import base64
import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

_ETAG = {
    "description": "Names this content; send it as If-None-Match with the next read",
    "schema": {"type": "string"},
}
_NOT_MODIFIED = {"description": "The content is still the one that If-None-Match names"}
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ConditionalRoute(APIRoute):
    """A route whose GET answers have an ``ETag``, and 304 where ``If-None-Match`` has it.

    The tag is made of the content, so that it changes with anything that is shown; what is read
    from the store is the same. A stream has none. Source: RFC 9110, sections 8.8.3 and 13.1.2.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if "GET" in (options.get("methods") or ()):
            responses = {304: _NOT_MODIFIED, **(options.get("responses") or {})}
            found = responses.get(200, {})
            responses[200] = {**found, "headers": {"ETag": _ETAG, **found.get("headers", {})}}
            options["responses"] = responses
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        """See :class:`fastapi.routing.APIRoute`."""
        handle = super().get_route_handler()

        async def conditional(request: Request) -> Response:
            return _conditional(request, await handle(request))

        return conditional


def version_of(content: bytes) -> str:
    """A name of a content: two that differ have different ones."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()[:12]).decode()


def _conditional(request: Request, response: Response) -> Response:
    content = getattr(response, "body", None)
    if request.method != "GET" or response.status_code != 200 or not isinstance(content, bytes):
        return response
    tag = f'"{version_of(content)}"'
    if _has(request.headers.getlist("if-none-match"), tag):
        return Response(status_code=304, headers={"ETag": tag}, background=response.background)
    response.headers["ETag"] = tag
    return response


def _has(named: list[str], tag: str) -> bool:
    """Tell whether a list of tags names this one; weak ones count as well."""
    tags = {one.strip().removeprefix("W/") for one in ",".join(named).split(",")}
    return tag in tags or tags == {"*"}
