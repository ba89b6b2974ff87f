"""The native API about inbound texts: a list, as JSON or CSV."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from campaign.inbound import InboundMessage
from campaign.instants import Instant, instant_of
from campaign.phone import canonical_number
from dialects.http.auth import Permission
from dialects.http.context import ApiContext
from dialects.native.handling import PAGE_MAX, enter, invalid, page_size
from dialects.native.inbound import inbound_json
from dialects.native.problems import WRITING, documented
from dialects.native.responses import inbound_csv
from store.database.threads import read_in_thread
from store.replies.inbound import InboundFilter
from store.store import Store

CURSOR_LENGTH_MAX = 200
Position = tuple[Instant, str]


def routes(context: ApiContext) -> APIRouter:
    """The routes about the inbound texts of an account."""
    router = APIRouter(prefix="/v1", tags=["Inbound messages"], responses=documented(*WRITING))

    @router.get("/inbound-messages", summary="List the texts that people sent, newest first")
    async def list_inbound(
        request: Request,
        from_: Annotated[str | None, Query(alias="from", description="who wrote")] = None,
        to: Annotated[str | None, Query(description="the number that was written to")] = None,
        campaign: Annotated[str | None, Query(description="the campaign that is answered")] = None,
        since: Annotated[str | None, Query(description="ISO 8601, UTC without a zone")] = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Response:
        """A page of texts; ``next`` is the cursor of the next page, null after the last one.

        With ``Accept: text/csv``, all of them, one a line.
        """
        principal = await enter(request, context.store, Permission.READ)
        wanted = InboundFilter(_number(from_), _number(to), campaign, _since(since))
        before, size = _read_cursor(cursor), page_size(limit)
        account_id = principal.account_id
        if "text/csv" in request.headers.get("accept", ""):
            lines = _csv(context.store, account_id, wanted, before)
            return StreamingResponse(lines, media_type="text/csv")
        found = await read_in_thread(
            context.store.inbound.list, account_id, wanted, size + 1, before
        )
        following = _cursor(found[size - 1]) if len(found) > size else None
        shown = [inbound_json(message) for message in found[:size]]
        return JSONResponse({"inboundMessages": shown, "next": following})

    return router


def _csv(
    store: Store, account_id: str, wanted: InboundFilter, before: Position | None
) -> Iterator[str]:
    header = True
    while True:
        found = store.inbound.list(account_id, wanted, PAGE_MAX, before)
        yield inbound_csv(found, header)
        if len(found) < PAGE_MAX:
            return
        before, header = (found[-1].received_at, found[-1].id), False


def _number(written: str | None) -> str | None:
    """A number in the form in which it is stored; a name or a short code as it is."""
    return None if written is None else canonical_number(written) or written.strip()


def _since(written: str | None) -> Instant | None:
    if written is None:
        return None
    # An unescaped plus arrives as a space.
    for spelling in (written, "+".join(written.rsplit(" ", 1))):
        try:
            return instant_of(datetime.fromisoformat(spelling))
        except (ValueError, OverflowError):
            continue
    raise invalid("since must be ISO 8601")


def _cursor(message: InboundMessage) -> str:
    position = json.dumps([message.received_at, message.id])
    return urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    try:
        if len(cursor) > CURSOR_LENGTH_MAX:
            raise ValueError
        padded = cursor + "=" * (-len(cursor) % 4)
        at, id = json.loads(urlsafe_b64decode(padded))
        if type(at) is int and abs(at) < 1 << 63 and isinstance(id, str):
            return at, id
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    raise invalid("cursor must be the next of a page")
