"""One conversation: what somebody wrote to a number, the answers, and the marks on it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from campaign.inbound import InboundMessage
from campaign.instants import Instant
from campaign.phone import canonical_number
from campaign.refusals import Refused
from campaign.views import MessageView
from console import account_words, people_words, words
from console.draft_routes import TEXT_LENGTH_MAX
from console.handling import PREFIX, Console, Leave, new_once, once_of, redirect
from console.people_words import conversation_path
from console.sessions import Session
from dialects.http.auth import Permission
from service.answers import send_answer
from service.inbound import decide
from store.campaigns.message_search import MessageFilter
from store.clock import wall_clock
from store.database.threads import read_in_thread
from store.replies.inbound import InboundFilter

# Of each side; the newest.
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A text of a conversation: theirs or ours, and when it was."""

    at: Instant
    theirs: InboundMessage | None = None
    ours: MessageView | None = None
    campaign_id: str | None = None


def routes(console: Console, router: APIRouter) -> None:
    """Add the routes about one conversation."""
    store, service = console.api.store, console.api.service

    async def texts_of(
        request: Request, session: Session, names: Mapping[str, str]
    ) -> Sequence[InboundMessage]:
        """The newest texts of a conversation, at least one; raises Leave with 404."""
        wanted = InboundFilter(names.get("writer", ""), names.get("number", ""))
        account_id = session.principal.account_id
        found = await read_in_thread(store.inbound.list, account_id, wanted, SHOWN)
        if not found or canonical_number(found[0].writer) is None:
            raise Leave(console.problem(request, 404, account_words.NO_CONVERSATION))
        return found

    async def conversation_page(
        request: Request,
        session: Session,
        texts: Sequence[InboundMessage],
        fault: str = "",
        typed: str = "",
    ) -> Response:
        newest, account_id = texts[0], session.principal.account_id
        wanted = MessageFilter(to=newest.writer, sender=newest.number)
        sent = await read_in_thread(store.message_log.search, wanted, account_id, SHOWN)
        lines = [Line(text.received_at, theirs=text) for text in texts]
        lines += [
            Line(
                one.message.sent_at or one.asked_at,
                ours=one.message,
                campaign_id=one.campaign_id,
            )
            for one in sent
        ]
        ids = {line.campaign_id for line in lines}
        return console.page(
            request,
            "conversation.html",
            400 if fault else 200,
            newest=newest,
            lines=sorted(lines, key=lambda line: line.at),
            names=await read_in_thread(store.campaign_names.among, account_id, ids),
            is_opted_out=await read_in_thread(store.opt_outs.contains, account_id, newest.writer),
            needs_review=any(text.needs_review for text in texts),
            is_open=any(line.ours and line.ours.final_at is None for line in lines),
            fault=fault,
            typed=typed,
            once=new_once(),
        )

    @router.get("/replies/with")
    async def show(request: Request, writer: str = "", number: str = "") -> Response:
        """A conversation, the oldest text first; a key that may answer marks it as read."""
        session = await console.enter(request, Permission.READ)
        texts = await texts_of(request, session, {"writer": writer, "number": number})
        if marks(session) and any(text.unread for text in texts):
            await asyncio.to_thread(
                store.conversations.mark_read,
                session.principal.account_id,
                writer,
                number,
                texts[0].received_at,
            )
            await console.count_unread(request, session)
        return await conversation_page(request, session, texts)

    @router.post("/replies/answer")
    async def answer(request: Request) -> Response:
        """Send an answer from the number that was written to, once for each page."""
        session, fields = await console.submitted(request, Permission.SEND)
        texts = await texts_of(request, session, fields)
        typed = fields.get("text", "")[:TEXT_LENGTH_MAX].replace("\r\n", "\n").strip()
        if not typed:
            return await conversation_page(request, session, texts, people_words.NO_ANSWER)
        key = f"console:answer:{once_of(fields)}"
        try:
            await send_answer(service, texts[0], typed, key, session.principal.sandbox)
        except Refused as refused:
            fault = " ".join(words.refused(refused.refusals).items)
            return await conversation_page(request, session, texts, fault, typed)
        return redirect(conversation_path(texts[0].writer, texts[0].number))

    @router.post("/replies/unread")
    async def leave_unread(request: Request) -> Response:
        """Leave a conversation to somebody else, as unread."""
        session, fields = await console.submitted(request, Permission.SEND)
        (newest, *_) = await texts_of(request, session, fields)
        if marks(session):
            await asyncio.to_thread(
                store.conversations.leave_unread, newest.account_id, newest.writer, newest.number
            )
        return redirect(f"{PREFIX}/replies")

    @router.post("/replies/decide")
    async def decide_about(request: Request) -> Response:
        """Decide whether texts ask to stop: opt the person out, or leave it."""
        session, fields = await console.submitted(request, Permission.CONTROL)
        texts = await texts_of(request, session, fields)
        # Those that came after the page was read are decided about by nobody.
        ids = [text.id for text in texts]
        seen = fields.get("seen", "")
        if fields.get("stop") in ("yes", "no") and seen in ids:
            shown, is_stop = texts[ids.index(seen) :], fields["stop"] == "yes"
            await asyncio.to_thread(decide, store, shown, is_stop, wall_clock())
        return redirect(conversation_path(texts[0].writer, texts[0].number))


def marks(session: Session) -> bool:
    """Whether a session that opens a conversation has read it for the account."""
    return session.may(Permission.SEND) and not session.principal.sandbox
