"""The native API about keywords: languages, own words, and the answers to STOP and HELP."""

import asyncio

from fastapi import APIRouter, Request
from pydantic import Field

from campaign.keywords import Keyword, KeywordSettings
from campaign.refusals import Refusal, RefusalCode, Refused
from campaign.text import bad_character, clean
from campaign.vocabulary import is_keyword, keyword_languages
from dialects.http.answers import body_of
from dialects.http.auth import Permission
from dialects.http.context import ApiContext
from dialects.native.account_models import Keywords, Words
from dialects.native.fields import RequestModel
from dialects.native.handling import enter, read_model
from dialects.native.problems import WRITING, documented
from store.database.threads import read_in_thread

BODY_BYTES_MAX = 64 * 1024
WORDS_MAX = 100
REPLY_LENGTH_MAX = 480


class KeywordsBody(RequestModel):
    """The whole settings; what is left out gets its default."""

    languages: list[str] | None = Field(default=None, description="codes; null for all")
    stop: list[str] = Field(default=[], max_length=WORDS_MAX)
    start: list[str] = Field(default=[], max_length=WORDS_MAX)
    help: list[str] = Field(default=[], max_length=WORDS_MAX)
    stop_reply: str | None = Field(
        default=None, description="confirms a STOP; null for the default, empty for none"
    )
    help_reply: str | None = Field(
        default=None, description="answers a HELP; null for the default, empty for none"
    )
    replies_paid: bool = Field(default=False, description="answers cost credits like any message")


def routes(context: ApiContext) -> APIRouter:
    """The routes about the keywords of the caller's account."""
    router = APIRouter(prefix="/v1", tags=["Account"], responses=documented(*WRITING))
    keywords = context.store.keywords

    @router.get(
        "/keywords",
        operation_id="getKeywords",
        summary="Get the keywords that texts to the account are read by",
    )
    async def get(request: Request) -> Keywords:
        """The settings, the answers as they are sent, and the words of every language."""
        principal = await enter(request, context.store, Permission.READ)
        return _shown(await read_in_thread(keywords.get, principal.account_id))

    @router.put(
        "/keywords",
        operation_id="setKeywords",
        summary="Set languages, own words and answers",
        openapi_extra=body_of(KeywordsBody),
    )
    async def put(request: Request) -> Keywords:
        """Replaces all settings. The English words of STOP always count.

        ``{{ACCOUNT}}`` in an answer is the name of the account. A number gets at most one answer of
        each kind a day, and none after it stopped.
        """
        principal = await enter(request, context.store, Permission.ADMINISTER)
        body = await read_model(request, KeywordsBody, BODY_BYTES_MAX)
        settings = read_keywords(body)
        await asyncio.to_thread(keywords.set, principal.account_id, settings)
        return _shown(settings)

    return router


def read_keywords(body: KeywordsBody) -> KeywordSettings:
    """The settings of a body; raises Refused with each fault."""
    faults: list[Refusal] = []

    def fault(place: str, what: str) -> None:
        faults.append(Refusal(RefusalCode.FIELD_INVALID, what, place))

    known = keyword_languages()
    for index, code in enumerate(body.languages or ()):
        if code not in known:
            fault(f"languages[{index}]", f"must be one of {' '.join(known)}")
    for keyword in Keyword:
        for index, word in enumerate(getattr(body, keyword.value)):
            if not is_keyword(word):
                fault(f"{keyword.value}[{index}]", "must have a letter and at most 30 characters")
    for place, reply in (("stopReply", body.stop_reply), ("helpReply", body.help_reply)):
        if reply and (len(reply) > REPLY_LENGTH_MAX or bad_character(reply)):
            fault(place, f"must have at most {REPLY_LENGTH_MAX} valid characters")
    if faults:
        raise Refused(*faults)
    return KeywordSettings(
        languages=None if body.languages is None else tuple(dict.fromkeys(body.languages)),
        stop=tuple(body.stop),
        start=tuple(body.start),
        help=tuple(body.help),
        stop_reply=None if body.stop_reply is None else clean(body.stop_reply.strip()),
        help_reply=None if body.help_reply is None else clean(body.help_reply.strip()),
        replies_paid=body.replies_paid,
    )


def _shown(settings: KeywordSettings) -> Keywords:
    known = keyword_languages()
    return Keywords(
        languages=list(known if settings.languages is None else settings.languages),
        stop=list(settings.stop),
        start=list(settings.start),
        help=list(settings.help),
        stop_reply=settings.reply(Keyword.STOP),
        help_reply=settings.reply(Keyword.HELP),
        replies_paid=settings.replies_paid,
        words={code: Words.of(words) for code, words in known.items()},
    )
