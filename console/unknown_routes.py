"""What became of an unknown message, as a person has seen it in the records of the network."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from console.handling import PREFIX, Console, redirect
from dialects.http.auth import Permission
from dialects.http.bodies import BadBody
from store.clock import wall_clock

WAS_SENT = {"sent": True, "failed": False}


def routes(console: Console, router: APIRouter) -> None:
    """Add the route about messages in state unknown."""
    resolving = console.api.store.resolving

    @router.post("/campaigns/{id}/resolve")
    async def resolve(request: Request, id: str) -> Response:
        """Record the outcome of a message; one that is known meanwhile stays as it is."""
        session, fields = await console.submitted(request, Permission.CONTROL, in_sandbox=True)
        view = await console.own_campaign(request, session, id, Permission.CONTROL)
        was_sent = WAS_SENT.get(fields.get("outcome", ""))
        if was_sent is None:
            raise BadBody("the form is malformed")
        message = fields.get("message", "")
        await asyncio.to_thread(resolving.resolve, view.id, message, was_sent, wall_clock())
        return redirect(f"{PREFIX}/campaigns/{view.id}?status=unknown#people")
