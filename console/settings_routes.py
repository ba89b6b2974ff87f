"""The settings of the account: hours of marketing, keywords and their answers; and retention."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from campaign.keywords import DEFAULT_HELP_REPLY, Keyword, KeywordSettings
from campaign.legal_hours import ALL_DAYS
from campaign.refusals import Refused
from campaign.sending_windows import (
    RECIPIENT_ZONE,
    Outside,
    Purpose,
    make_window,
    stored_window,
)
from campaign.vocabulary import keyword_languages
from console import account_words, words
from console.handling import PREFIX, Console, redirect
from console.sessions import Session
from dialects.http.auth import Permission
from dialects.native.keyword_routes import KeywordsBody, read_keywords
from store.database.threads import read_in_thread

NO_WINDOW: Mapping[str, Any] = {
    "from": "", "to": "", "days": ALL_DAYS, "timezone": RECIPIENT_ZONE, "outside": "defer"
}  # fmt: skip


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about settings."""
    store, settings = console.api.store, console.api.settings

    async def settings_page(
        request: Request,
        session: Session,
        fault: str = "",
        of_hours: str = "",
        window: Mapping[str, Any] | None = None,
        typed: Mapping[str, str] | None = None,
    ) -> Response:
        account_id = session.principal.account_id
        purpose, stored = await read_in_thread(store.accounts.timing, account_id)
        current = await read_in_thread(store.keywords.get, account_id)
        return console.page(
            request,
            "settings.html",
            400 if fault or of_hours else 200,
            fault=fault,
            of_hours=of_hours,
            purpose=purpose or Purpose.TRANSACTIONAL.value,
            window=window or (json.loads(stored) if stored else NO_WINDOW),
            typed=typed or _shown(current),
            languages=len(current.languages or keyword_languages()),
            keep=settings,
            ALL_DAYS=ALL_DAYS,
            Keyword=Keyword,
            Outside=Outside,
            RECIPIENT_ZONE=RECIPIENT_ZONE,
        )

    @router.get("/settings")
    async def show(request: Request) -> Response:
        """The settings as they are."""
        return await settings_page(request, await console.enter(request, Permission.READ))

    @router.post("/settings/hours")
    async def set_hours(request: Request) -> Response:
        """Set what campaigns are for that do not say it, and the hours of marketing."""
        session, fields = await console.submitted(request, Permission.ADMINISTER)
        written = _window_of(fields)
        window, member = None, ""
        if written["from"] or written["to"]:
            window, member, _ = make_window(
                written["from"],
                written["to"],
                written["days"],
                written["timezone"],
                Outside(written["outside"]),
            )
        if member:
            fault = account_words.WINDOW_FAULTS[member]
            return await settings_page(request, session, of_hours=fault, window=written)
        purpose = fields.get("purpose", "")
        await asyncio.to_thread(
            store.accounts.update,
            session.principal.account_id,
            purpose=purpose if purpose in set(Purpose) else Purpose.TRANSACTIONAL.value,
            marketing_window=stored_window(window) or "",
        )
        return redirect(f"{PREFIX}/settings")

    @router.post("/settings/keywords")
    async def set_keywords(request: Request) -> Response:
        """Set the account's own words and its answers; its languages stay."""
        session, fields = await console.submitted(request, Permission.ADMINISTER)
        account_id = session.principal.account_id
        current = await read_in_thread(store.keywords.get, account_id)
        try:
            wanted = read_keywords(KeywordsBody.model_validate(_keywords_of(fields, current)))
        except ValidationError:
            fault = account_words.TOO_MANY_WORDS
            return await settings_page(request, session, fault, typed=fields)
        except Refused as refused:
            fault = words.refused(refused.refusals).items[0]
            return await settings_page(request, session, fault, typed=fields)
        await asyncio.to_thread(store.keywords.set, account_id, wanted)
        return redirect(f"{PREFIX}/settings")


def _window_of(fields: Mapping[str, str]) -> dict[str, Any]:
    """The window in a form, as the native API writes it."""
    outside = fields.get("outside")
    return {
        "from": fields.get("from", "").strip(),
        "to": fields.get("to", "").strip(),
        "days": [day for day in ALL_DAYS if day in fields],
        "timezone": fields.get("zone", "").strip() or RECIPIENT_ZONE,
        "outside": outside if outside in set(Outside) else Outside.DEFER.value,
    }


def _shown(current: KeywordSettings) -> dict[str, str]:
    """The keywords of an account as the fields of the form."""
    shown = {keyword.value: "\n".join(getattr(current, keyword.value)) for keyword in Keyword}
    shown["stopReply"] = current.reply(Keyword.STOP)
    shown["helpReply"] = current.reply(Keyword.HELP)
    return {**shown, "repliesPaid": "on"} if current.replies_paid else shown


def _keywords_of(fields: Mapping[str, str], current: KeywordSettings) -> dict[str, Any]:
    """The keywords in a form as the body of the native API."""
    help_reply = fields.get("helpReply", "").strip()
    return {
        "languages": None if current.languages is None else list(current.languages),
        **{
            keyword.value: [
                line.strip() for line in fields.get(keyword.value, "").splitlines() if line.strip()
            ]
            for keyword in Keyword
        },
        "stopReply": fields.get("stopReply", "").strip(),
        "helpReply": None if help_reply == DEFAULT_HELP_REPLY else help_reply,
        "repliesPaid": "repliesPaid" in fields,
    }
