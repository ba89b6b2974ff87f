"""The native API about people: what the account knows of a number, and its erasure."""

from fastapi import APIRouter, Request

from campaign.people import Person
from dialects.http.auth import Permission
from dialects.http.context import ApiContext
from dialects.native.handling import Stop, enter
from dialects.native.message_search_models import FoundMessage
from dialects.native.person_models import (
    Erased,
    PersonClick,
    PersonMailingList,
    PersonOptOut,
    PersonReply,
    PersonTotals,
)
from dialects.native.person_models import Person as PersonShown
from dialects.native.problem_models import About
from dialects.native.problems import WRITING, documented, problem
from service.erasure import erase_person
from store.database.engine import StoreError
from store.database.threads import read_in_thread

ERASE = (
    "Erases the number, the texts to it and from it, its fields and its mailing list entries from "
    "every table of the account, at once and for good. Counts, credits and a keyed hash stay: by "
    "the hash the number stays opted out, until its opt-out is removed. Waiting messages are "
    "skipped, in running campaigns too, and their credits given back. The answer waits up to 20 "
    "seconds for messages that a worker is sending at this moment; `underWay` counts those that "
    "had no outcome by then. A second call finds nothing more."
)


def routes(context: ApiContext) -> APIRouter:
    """The routes about people."""
    router = APIRouter(
        prefix="/v1", tags=["People"], responses=documented(*WRITING, about=(About.ACCOUNT,))
    )
    people = context.store.people

    @router.get(
        "/people/{number}",
        operation_id="getPerson",
        summary="Show all that the account knows of a number",
    )
    async def show(request: Request, number: str) -> PersonShown:
        """At most 1,000 of each kind, the newest first; ``totals`` counts all of them."""
        principal = await enter(request, context.store, Permission.READ)
        try:
            person = await read_in_thread(people.show, principal.account_id, number)
        except StoreError as error:
            raise Stop(problem(400, "number_invalid", str(error))) from None
        return _shown(person)

    @router.delete(
        "/people/{number}", operation_id="erasePerson", summary="Erase a person", description=ERASE
    )
    async def erase(request: Request, number: str) -> Erased:
        principal = await enter(request, context.store, Permission.ADMINISTER)
        try:
            erasure, under_way = await erase_person(context.store, principal.account_id, number)
        except StoreError as error:
            raise Stop(problem(400, "number_invalid", str(error))) from None
        return Erased(
            messages=erasure.messages,
            skipped=erasure.skipped,
            under_way=under_way,
            replies=erasure.replies,
            mailing_lists=erasure.mailing_lists,
        )

    return router


def _shown(person: Person) -> PersonShown:
    return PersonShown(
        number=person.number,
        messages=[FoundMessage.found(one.campaign_id, one.message) for one in person.messages],
        opt_outs=[PersonOptOut.of(one) for one in person.opt_outs],
        replies=[PersonReply.of(one) for one in person.replies],
        clicks=[PersonClick.of(one) for one in person.clicks],
        mailing_lists=[PersonMailingList.of(one) for one in person.mailing_lists],
        totals=PersonTotals.of(person.totals),
    )
