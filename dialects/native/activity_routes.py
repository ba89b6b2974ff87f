"""The native API about who did what, when and from where."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from campaign.activity import Action, ActivityFilter
from dialects.http.auth import Permission
from dialects.http.context import ApiContext
from dialects.native.activity_models import ActivityPage, activity_model
from dialects.native.cursors import read_position, write_position
from dialects.native.filters import Since, Until, instant_of, next_link
from dialects.native.handling import enter, page_size
from dialects.native.problems import LOOKING, documented
from store.database.threads import read_in_thread

LISTING = "activity"


def routes(context: ApiContext) -> APIRouter:
    """The route that lists what was done in an account."""
    router = APIRouter(prefix="/v1", tags=["Account"], responses=documented(*LOOKING))

    @router.get(
        "/activity",
        summary="List who did what, when and from where, newest first",
        operation_id="listActivity",
        response_model=ActivityPage,
    )
    async def list_activity(
        request: Request,
        response: Response,
        since: Since = None,
        until: Until = None,
        actor: Annotated[str | None, Query(description="a key id, operator or system")] = None,
        action: Annotated[Action | None, Query(description="what was done")] = None,
        subject: Annotated[
            str | None, Query(description="id of what was changed, or a phone number")
        ] = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> ActivityPage:
        """A page of actions of the account, by its keys, the operator and Godwit itself.

        Nothing in it can be changed. Numbers, texts and secrets are not in it.
        """
        principal = await enter(request, context.store, Permission.ADMINISTER)
        wanted = ActivityFilter(
            since=instant_of(since, "since"),
            until=instant_of(until, "until"),
            actor=actor,
            action=action,
            subject=subject,
        )
        size, before = page_size(limit), read_position(LISTING, cursor)
        found = await read_in_thread(
            context.store.activities.list, principal.account_id, wanted, size + 1, before
        )
        following = None
        if len(found) > size:
            last = found[size - 1]
            following = write_position(LISTING, last.at, last.id)
        response.headers.update(next_link(request, following))
        return ActivityPage(activity=[activity_model(one) for one in found[:size]], next=following)

    return router
