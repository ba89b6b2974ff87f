"""The API keys of the account: made for a role, shown once, and revoked."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.names import KEY_NAME_LENGTH_MAX, is_key_name
from console import account_words
from console.account_words import Question, Secret
from console.handling import PREFIX, Console, Leave, new_once, own_id, redirect
from console.sessions import Session
from dialects.http.auth import Permission
from store.accounts.api_keys import KeyView
from store.clock import wall_clock
from store.database.threads import read_in_thread


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about keys."""
    api_keys = console.api.store.api_keys

    async def keys_page(
        request: Request, session: Session, fault: str = "", name: str = ""
    ) -> Response:
        found = await read_in_thread(api_keys.list, session.principal.account_id)
        return console.page(
            request,
            "keys.html",
            400 if fault else 200,
            keys=sorted(found, key=lambda key: key.revoked_at is not None),
            fault=fault,
            name=name,
            NAME_LENGTH_MAX=KEY_NAME_LENGTH_MAX,
            roles={
                name: what
                for name, (what, permissions) in account_words.ROLES.items()
                if all(map(session.may, permissions))
            },
            once=new_once(),
        )

    async def valid_key(request: Request, id: str) -> tuple[Session, KeyView]:
        """The session and a key of its account that is not revoked; raises Leave."""
        session = await console.enter(request, Permission.ADMINISTER)
        for key in await read_in_thread(api_keys.list, session.principal.account_id):
            if key.key_id == id and key.revoked_at is None:
                return session, key
        raise Leave(console.problem(request, 404, account_words.NO_KEY))

    @router.get("/keys")
    async def list_keys(request: Request) -> Response:
        """The keys without their secrets, those that are valid first."""
        return await keys_page(request, await console.enter(request, Permission.ADMINISTER))

    @router.post("/keys")
    async def create(request: Request) -> Response:
        """Make a key, once for each page, and show its secret."""
        session, fields = await console.submitted(request, Permission.ADMINISTER)
        role, name = fields.get("role", ""), fields.get("name", "").strip()
        if role not in account_words.ROLES:
            return await keys_page(request, session, account_words.NO_ROLE, name)
        permissions = account_words.ROLES[role][1]
        if not all(map(session.may, permissions)):
            return await keys_page(request, session, account_words.ROLE_NOT_YOURS, name)
        if name and not is_key_name(name):
            return await keys_page(request, session, account_words.BAD_KEY_NAME, name)
        account_id, is_sandbox = session.principal.account_id, "sandbox" in fields
        pair, _ = await asyncio.to_thread(
            api_keys.create_once,
            account_id,
            wall_clock(),
            permissions,
            own_id(fields, "key", session),
            is_sandbox,
            name or None,
        )
        made = Secret(
            f"The key {name}" if name else f"A key for a {role}",
            "Give it to one person only. To sign in here, they type the key id and the secret.",
            {"Key id": pair.key_id, "Secret": pair.secret, "Bearer token": pair.bearer},
            f"{PREFIX}/keys",
        )
        return console.page(request, "secret.html", made=made)

    @router.get("/keys/{id}/revoke")
    async def confirm_revoke(request: Request, id: str) -> Response:
        """What revoking a key means."""
        session, key = await valid_key(request, id)
        effects = ["Programs and people that use it can do nothing more, from this moment on."]
        if key.key_id == session.principal.key_id:
            effects.append("This is the key that you are signed in with: you are signed out.")
        ask = Question(
            f"Revoke the key {key.name or key.key_id}?",
            (*effects, "This cannot be undone."),
            "Revoke the key",
            f"{PREFIX}/keys/{key.key_id}/revoke",
            f"{PREFIX}/keys",
        )
        return console.page(request, "confirm.html", ask=ask)

    @router.post("/keys/{id}/revoke")
    async def revoke(request: Request, id: str) -> Response:
        """Revoke a key at once."""
        session, key = await valid_key(request, id)
        await console.read_form(request, session.id)
        account_id = session.principal.account_id
        await asyncio.to_thread(api_keys.revoke, key.key_id, wall_clock(), account_id)
        return redirect(f"{PREFIX}/keys")
