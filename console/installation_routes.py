"""The page about the installation, for the operator: is it stuck, and what is there to do."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console import words
from console.handling import Console
from dialects.http.auth import Permission
from service.readiness import OK, Readiness


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about the installation."""
    api = console.api
    readiness = Readiness(api.service, api.store, api.settings)

    @router.get("/installation")
    async def show(request: Request) -> Response:
        """Each part of the installation, the worst first."""
        await console.enter(request, Permission.ADMINISTER)
        parts = await readiness.parts()
        lines = sorted(
            (
                words.Condition(words.PARTS[name], part.ready, part.word, words.CURES[name])
                for name, part in parts.items()
            ),
            key=lambda line: (line.ready, line.word == OK),
        )
        return console.page(request, "installation.html", lines=lines, ok=OK)
