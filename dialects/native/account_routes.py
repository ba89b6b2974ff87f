"""The native API about the account: credits, senders, keys and opt-outs."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator, Field

from campaign.names import KEY_NAME_LENGTH_MAX, is_key_name
from campaign.phone import canonical_number
from dialects.http.answers import body_of
from dialects.http.auth import Permission, fault_of_permissions
from dialects.http.context import ApiContext
from dialects.http.downloads import OR_CSV, csv_download, wants_csv
from dialects.http.replays import note_replay
from dialects.native.account_models import (
    AddedSender,
    CreatedKey,
    Credits,
    Key,
    KeyList,
    OptedOut,
    OptOut,
    OptOutHistory,
    OptOutImport,
    OptOutPage,
    Sender,
    SenderList,
)
from dialects.native.cursors import read_cursor, write_cursor
from dialects.native.fields import RequestModel
from dialects.native.handling import Stop, deleted, enter, not_found, page_size, read_model
from dialects.native.list_members import read_members
from dialects.native.opt_outs import event_of, opt_outs_csv
from dialects.native.problem_models import About
from dialects.native.problems import WRITING, documented, problem
from dialects.native.request_keys import id_bytes, replayed, request_key, takes_key
from service import senders as senders_service
from store.accounts.senders import SenderTaken
from store.clock import wall_clock
from store.database.threads import read_in_thread
from store.shared.sender_use import SenderInUse

BODY_BYTES_MAX = 64 * 1024
# The name of the listing in cursors.
OPT_OUTS = "opt-outs"


class SenderBody(RequestModel):
    """A sender to request."""

    address: str = Field(examples=["+18005559876"])


class OptOutBody(RequestModel):
    """A number to opt out."""

    number: str = Field(examples=["+14155550111"])


def _key_name(name: str) -> str:
    if not is_key_name(name):
        raise ValueError("must be one line of text")
    return name


class KeyBody(RequestModel):
    """A key to create. Without permissions it gets those of the key that creates it.

    The name says who or what has the key; the keys and the activity show it.
    What a ``sandbox`` key sends is validated and reported as always, reaches no carrier, and takes
    no credits.
    """

    name: Annotated[str, AfterValidator(_key_name)] | None = Field(
        None, min_length=1, max_length=KEY_NAME_LENGTH_MAX, examples=["Reception"]
    )
    permissions: list[str] | None = Field(None, examples=[["read:Campaigns"]])
    sandbox: bool = False


def routes(context: ApiContext) -> APIRouter:
    """The routes about the caller's account."""
    router = APIRouter(
        prefix="/v1", tags=["Account"], responses=documented(*WRITING, about=(About.ACCOUNT,))
    )
    accounts, opt_outs = context.store.accounts, context.store.opt_outs
    api_keys = context.store.api_keys

    @router.get(
        "/credits", operation_id="getCredits", summary="Get the balances of SMS and MMS credits"
    )
    async def credits(request: Request) -> Credits:
        """For each kind, ``granted`` is the sum of ``available``, ``held`` and ``posted``."""
        principal = await enter(request, context.store, Permission.READ)
        account = await read_in_thread(accounts.show, principal.account_id)
        assert account is not None
        return Credits.of(account.balances)

    @router.get("/senders", operation_id="listSenders", summary="List the senders of the account")
    async def senders(request: Request) -> SenderList:
        """All senders and requests, oldest first."""
        principal = await enter(request, context.store, Permission.READ)
        found = await read_in_thread(accounts.senders, principal.account_id)
        return SenderList(senders=[Sender.of(one) for one in found])

    @router.post(
        "/senders",
        operation_id="addSender",
        status_code=201,
        summary="Request a sender",
        openapi_extra=takes_key(body_of(SenderBody)),
    )
    async def add_sender(request: Request) -> AddedSender:
        """Requests an address to send from; the operator approves it.

        Until then ``status`` is ``requested`` and no campaign can use it. An installation may let
        accounts add senders without approval. 409 if the address is another account's or in the
        number pool. Repeating a request, or adding an own sender, changes nothing.
        """
        principal = await enter(request, context.store, Permission.ADMINISTER)
        body = await read_model(request, SenderBody, BODY_BYTES_MAX)
        # Checked alone: a repeat changes nothing anyway.
        request_key(request)
        account, now = principal.account_id, wall_clock()
        store, settings = context.store, context.settings
        try:
            sender = await asyncio.to_thread(
                senders_service.add_sender, store, settings, account, body.address, now
            )
        except SenderTaken as error:
            raise Stop(problem(409, "sender_taken", str(error))) from None
        return AddedSender.of(sender)

    @router.delete(
        "/senders/{address}",
        operation_id="removeSender",
        status_code=204,
        summary="Remove a sender",
    )
    async def remove_sender(request: Request, address: str) -> Response:
        """Withdraws a request, too. 409 `sender_in_use` while messages wait to leave from it."""
        principal = await enter(request, context.store, Permission.ADMINISTER)
        remove = context.store.senders.remove
        try:
            gone = await asyncio.to_thread(remove, principal.account_id, address)
        except SenderInUse as error:
            raise Stop(problem(409, "sender_in_use", str(error))) from None
        return deleted(gone, "sender")

    @router.get(
        "/keys", operation_id="listKeys", summary="List the API keys, without their secrets"
    )
    async def keys(request: Request) -> KeyList:
        """All keys, oldest first."""
        principal = await enter(request, context.store, Permission.ADMINISTER)
        found = await read_in_thread(api_keys.list, principal.account_id)
        return KeyList(keys=[Key.of(key) for key in found])

    @router.post(
        "/keys",
        operation_id="createKey",
        status_code=201,
        summary="Create an API key",
        responses=replayed(CreatedKey),
        openapi_extra=takes_key(body_of(KeyBody)),
    )
    async def make_key(request: Request, response: Response) -> CreatedKey:
        """Returns the secret, which is never shown again.

        A repeat with the same ``Idempotency-Key`` returns it once more, with 200. A key can grant
        only the permissions that it has itself. A ``sandbox`` key sends to the sandbox, reads, and
        controls campaigns of the sandbox; it changes nothing else, whatever its permissions.
        """
        principal = await enter(request, context.store, Permission.ADMINISTER)
        body = await read_model(request, KeyBody, BODY_BYTES_MAX)
        wanted = body.permissions
        if wanted is None:
            wanted = sorted(principal.permissions)
        elif (fault := fault_of_permissions(wanted)) is not None:
            refusal = {"place": "permissions", "code": "field_invalid", "detail": fault}
            raise Stop(problem(400, "field_invalid", fault, [refusal]))
        if not all(map(principal.may, wanted)):
            raise Stop(problem(403, "forbidden", "this key cannot grant these permissions"))
        account, now = principal.account_id, wall_clock()
        own_id, is_new = id_bytes(request_key(request), "key", account), True
        if own_id is None:
            pair = await asyncio.to_thread(
                api_keys.create, account, now, wanted, body.sandbox, body.name
            )
        else:
            pair, is_new = await asyncio.to_thread(
                api_keys.create_once, account, now, wanted, own_id, body.sandbox, body.name
            )
        note_replay(request, not is_new)
        response.status_code = 201 if is_new else 200
        return CreatedKey(
            key_id=pair.key_id,
            name=body.name,
            key_secret=pair.secret,
            bearer=pair.bearer,
            permissions=list(wanted),
            sandbox=body.sandbox,
        )

    @router.delete(
        "/keys/{key_id}", operation_id="revokeKey", status_code=204, summary="Revoke an API key"
    )
    async def revoke_key(request: Request, key_id: str) -> Response:
        """The key is invalid from the next request on."""
        principal = await enter(request, context.store, Permission.ADMINISTER)
        account, now = principal.account_id, wall_clock()
        return deleted(await asyncio.to_thread(api_keys.revoke, key_id, now, account), "key")

    @router.get(
        "/opt-outs",
        operation_id="listOptOuts",
        summary="List the numbers that opted out, as JSON or CSV",
        response_model=OptOutPage,
        responses=OR_CSV,
    )
    async def list_opt_outs(
        request: Request, limit: int = 100, cursor: str | None = None, bom: bool = True
    ) -> OptOutPage | Response:
        """A page of numbers in ascending order; ``next`` is the cursor of the next page.

        Each has its evidence: when, by which text, through which carrier. With
        ``Accept: text/csv``, one line per number, all of them.
        """
        principal = await enter(request, context.store, Permission.READ)
        if wants_csv(request):
            return csv_download(opt_outs_csv(opt_outs, principal.account_id), OPT_OUTS, bom)
        size, after = page_size(limit), read_cursor(OPT_OUTS, cursor)
        found = await read_in_thread(opt_outs.list, principal.account_id, size, after)
        following = write_cursor(OPT_OUTS, found[-1].number) if len(found) == size else None
        return OptOutPage(opt_outs=[OptOut.of(one) for one in found], next=following)

    @router.get(
        "/opt-outs/{number}",
        operation_id="getOptOut",
        summary="Get the evidence of a number's opt-outs",
    )
    async def opt_out_history(request: Request, number: str) -> OptOutHistory:
        """Every STOP and START of the number, the earliest first; 404 if there is none."""
        principal = await enter(request, context.store, Permission.READ)
        account = principal.account_id
        now = await read_in_thread(opt_outs.get, account, number)
        events = await read_in_thread(opt_outs.history, account, number)
        if now is None and not events:
            raise Stop(not_found("opt-out"))
        return OptOutHistory(
            number=canonical_number(number) or number,
            opted_out=now is not None,
            events=[event_of(event) for event in events],
        )

    @router.post(
        "/opt-outs",
        operation_id="addOptOuts",
        status_code=201,
        summary="Opt out a number, or those of a CSV or XLSX file",
        openapi_extra=takes_key(_OPT_OUTS),
        response_model=OptedOut,
        responses={200: {"description": "The numbers of the file", "model": OptOutImport}},
    )
    async def opt_out(request: Request) -> OptedOut | Response:
        """Messages to the number that are not yet claimed are skipped, in running campaigns too.

        With ``text/csv`` every number of a file with a header, 200 and how many were added.
        """
        principal = await enter(request, context.store, Permission.CONTROL)
        if request.headers.get("content-type", "").lower().startswith("text/csv"):
            numbers = [one.number for one in (await read_members(request)).members]
            account, now = principal.account_id, wall_clock()
            added = await asyncio.to_thread(opt_outs.add_all, account, numbers, "file", now)
            return JSONResponse(OptOutImport(added=added, total=len(set(numbers))).json_object())
        body = await read_model(request, OptOutBody, BODY_BYTES_MAX)
        request_key(request)
        number = canonical_number(body.number)
        if number is None:
            what = "number must be a phone number in international format"
            raise Stop(problem(400, "number_invalid", what))
        account, now = principal.account_id, wall_clock()
        await asyncio.to_thread(opt_outs.add, account, number, "api", now)
        return OptedOut(number=number)

    @router.delete(
        "/opt-outs/{number}",
        operation_id="removeOptOut",
        status_code=204,
        summary="Remove an opt-out",
    )
    async def opt_in(request: Request, number: str) -> Response:
        """The number receives messages again; 404 if it had not opted out."""
        principal = await enter(request, context.store, Permission.CONTROL)
        gone = await asyncio.to_thread(opt_outs.remove, principal.account_id, number)
        return deleted(gone, "opt-out")

    return router


_OPT_OUTS = body_of(OptOutBody)
_OPT_OUTS["requestBody"]["content"]["text/csv"] = {
    "schema": {"type": "string", "description": "column number; others are ignored"}
}
