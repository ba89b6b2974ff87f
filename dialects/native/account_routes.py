"""The native API about an account itself: credits, senders, keys and opt-outs."""

import asyncio
import time
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from campaign.instants import iso
from campaign.phone import is_e164
from dialects.http.auth import Permission
from dialects.http.bodies import read_json
from dialects.http.context import ApiContext
from dialects.native import responses as presenting
from dialects.native.campaign_routes import Stop, enter
from dialects.native.problems import WRITING, documented, problem

BODY_BYTES_MAX = 64 * 1024


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class SenderBody(_Body):
    """A sender to add."""

    address: str


class OptOutBody(_Body):
    """A number to silence."""

    number: str


class KeyBody(_Body):
    """A key to make; no permissions means all that the asking key has."""

    permissions: list[str] | None = None


Model = TypeVar("Model", bound=_Body)


def routes(api_context: ApiContext) -> APIRouter:
    """The routes about the caller's account."""
    router = APIRouter(prefix="/v1", tags=["Account"], responses=documented(*WRITING))
    accounts, opt_outs = api_context.store.accounts, api_context.store.opt_outs
    api_keys = api_context.store.api_keys

    @router.get("/credits", summary="Balances of both kinds")
    async def credits(request: Request) -> Response:
        """granted = available + held + posted, always."""
        principal = await enter(request, api_context.store, Permission.READ)
        account = await asyncio.to_thread(accounts.show, principal.account_id)
        assert account is not None
        return JSONResponse(presenting.credits_json(account))

    @router.get("/senders", summary="What the account may send from")
    async def senders(request: Request) -> Response:
        """All senders, oldest first."""
        principal = await enter(request, api_context.store, Permission.READ)
        found = await asyncio.to_thread(accounts.senders, principal.account_id)
        shown = [
            {
                "address": sender.address,
                "kind": sender.kind,
                "active": sender.active,
                "rate": sender.rate,
            }
            for sender in found
        ]
        return JSONResponse({"senders": shown})

    @router.post("/senders", status_code=201, summary="Add a sender", openapi_extra=_of(SenderBody))
    async def add_sender(request: Request) -> Response:
        """Added twice, it is there once."""
        principal = await enter(request, api_context.store, Permission.ADMINISTER)
        body = await _read(request, SenderBody)
        sender = await asyncio.to_thread(
            accounts.add_sender, principal.account_id, body.address, _now()
        )
        return JSONResponse({"address": sender.address, "kind": sender.kind, "active": True}, 201)

    @router.delete("/senders/{address}", status_code=204, summary="Remove a sender")
    async def remove_sender(request: Request, address: str) -> Response:
        """Campaigns under way keep theirs."""
        principal = await enter(request, api_context.store, Permission.ADMINISTER)
        gone = await asyncio.to_thread(accounts.remove_sender, principal.account_id, address)
        return _deleted(gone)

    @router.get("/keys", summary="The account's keys, without their secrets")
    async def keys(request: Request) -> Response:
        """All keys, oldest first."""
        principal = await enter(request, api_context.store, Permission.ADMINISTER)
        found = await asyncio.to_thread(api_keys.list, principal.account_id)
        shown = [
            {
                "keyId": key.key_id,
                "permissions": list(key.permissions),
                "createdAt": iso(key.created_at),
                "revoked": key.revoked_at is not None,
            }
            for key in found
        ]
        return JSONResponse({"keys": shown})

    @router.post("/keys", status_code=201, summary="Make a key", openapi_extra=_of(KeyBody))
    async def make_key(request: Request) -> Response:
        """The secret is shown this once. A key gives no permission that it has not itself."""
        principal = await enter(request, api_context.store, Permission.ADMINISTER)
        body = await _read(request, KeyBody)
        wanted = body.permissions or sorted(principal.permissions)
        known = {permission.value for permission in Permission} | {"*"}
        if any(name not in known or not principal.may(name) for name in wanted):
            raise Stop(problem(403, "forbidden", "this key cannot give these permissions"))
        pair = await asyncio.to_thread(api_keys.create, principal.account_id, _now(), wanted)
        shown = {"keyId": pair.key_id, "keySecret": pair.secret, "bearer": pair.bearer}
        return JSONResponse({**shown, "permissions": list(wanted)}, 201)

    @router.delete("/keys/{key_id}", status_code=204, summary="Revoke a key")
    async def revoke_key(request: Request, key_id: str) -> Response:
        """Ends the key at once."""
        principal = await enter(request, api_context.store, Permission.ADMINISTER)
        gone = await asyncio.to_thread(api_keys.revoke, key_id, _now(), principal.account_id)
        return _deleted(gone)

    @router.get("/opt-outs", summary="Numbers that want nothing more")
    async def list_opt_outs(
        request: Request, limit: int = 100, cursor: str | None = None
    ) -> Response:
        """A page of numbers in order; ``next`` is the cursor of the following page."""
        principal = await enter(request, api_context.store, Permission.READ)
        size = max(1, min(limit, 1_000))
        found = await asyncio.to_thread(opt_outs.list, principal.account_id, size, cursor)
        shown = [
            {"number": one.number, "source": one.source, "createdAt": iso(one.created_at)}
            for one in found
        ]
        following = found[-1].number if len(found) == size else None
        return JSONResponse({"optOuts": shown, "next": following})

    @router.post(
        "/opt-outs", status_code=201, summary="Silence a number", openapi_extra=_of(OptOutBody)
    )
    async def opt_out(request: Request) -> Response:
        """From the next claim on nothing is sent to it, in running campaigns too."""
        principal = await enter(request, api_context.store, Permission.CONTROL)
        body = await _read(request, OptOutBody)
        if not is_e164(body.number):
            raise Stop(problem(400, "number_invalid", "not E.164 with +"))
        await asyncio.to_thread(opt_outs.add, principal.account_id, body.number, "api", _now())
        return JSONResponse({"number": body.number}, 201)

    @router.delete("/opt-outs/{number}", status_code=204, summary="Let a number be sent to again")
    async def opt_in(request: Request, number: str) -> Response:
        """404 when it was not silent."""
        principal = await enter(request, api_context.store, Permission.CONTROL)
        return _deleted(await asyncio.to_thread(opt_outs.remove, principal.account_id, number))

    return router


async def _read(request: Request, model: type[Model]) -> Model:
    body = await read_json(request, BODY_BYTES_MAX)
    try:
        return model.model_validate(body)
    except ValidationError as error:
        places = {".".join(map(str, fault["loc"])) for fault in error.errors()}
        listed = ", ".join(sorted(places))
        raise Stop(problem(400, "field_invalid", f"wrong or missing: {listed}")) from None


def _of(model: type[BaseModel]) -> dict[str, Any]:
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


def _deleted(gone: bool) -> Response:
    if not gone:
        return problem(404, "not_found", "there is no such thing")
    return Response(status_code=204)


def _now() -> int:
    return time.time_ns() // 1_000_000
