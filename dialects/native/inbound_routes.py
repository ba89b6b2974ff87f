"""The native API about inbound texts: a list, as JSON or CSV."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from dialects.http.auth import Permission
from dialects.http.context import ApiContext
from dialects.http.downloads import OR_CSV, csv_download, wants_csv
from dialects.native.cursors import Position, read_position, write_position
from dialects.native.filters import address_of, instant_of, next_link
from dialects.native.handling import PAGE_MAX, enter, page_size
from dialects.native.inbound_models import InboundMessage, InboundMessagePage
from dialects.native.problems import WRITING, documented
from dialects.native.responses import inbound_csv
from store.database.threads import read_in_thread
from store.replies.inbound import InboundFilter
from store.store import Store

LISTING = "inbound-messages"


def routes(context: ApiContext) -> APIRouter:
    """The routes about the inbound texts of an account."""
    router = APIRouter(prefix="/v1", tags=["Inbound messages"], responses=documented(*WRITING))

    @router.get(
        "/inbound-messages",
        operation_id="listInboundMessages",
        summary="List the texts that people sent, newest first",
        response_model=InboundMessagePage,
        responses=OR_CSV,
    )
    async def list_inbound(
        request: Request,
        response: Response,
        from_: Annotated[str | None, Query(alias="from", description="who wrote")] = None,
        to: Annotated[str | None, Query(description="the number that was written to")] = None,
        campaign: Annotated[str | None, Query(description="the campaign that is answered")] = None,
        since: Annotated[str | None, Query(description="RFC 3339, UTC without a zone")] = None,
        limit: int = 100,
        cursor: str | None = None,
        bom: bool = True,
    ) -> InboundMessagePage | Response:
        """A page of texts; ``next`` is the cursor of the next page, null after the last one.

        With ``Accept: text/csv``, all of them, one a line, behind a byte order mark unless
        ``bom=false``.
        """
        principal = await enter(request, context.store, Permission.READ)
        wanted = InboundFilter(
            address_of(from_), address_of(to), campaign, instant_of(since, "since")
        )
        before, size = read_position(LISTING, cursor), page_size(limit)
        account_id = principal.account_id
        if wants_csv(request):
            return csv_download(_csv(context.store, account_id, wanted, before), LISTING, bom)
        found = await read_in_thread(
            context.store.inbound.list, account_id, wanted, size + 1, before
        )
        following = None
        if len(found) > size:
            last = found[size - 1]
            following = write_position(LISTING, last.received_at, last.id)
        response.headers.update(next_link(request, following))
        shown = [InboundMessage.of(message) for message in found[:size]]
        return InboundMessagePage(inbound_messages=shown, next=following)

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
