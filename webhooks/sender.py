"""Callbacks to accounts: rendered by their dialect, signed, and brought to their address."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx
import structlog
from standardwebhooks import Webhook

from campaign.calls import Called, CallVerdict
from campaign.failures import StoreUnavailable
from campaign.instants import SECOND, Instant, moment_of
from campaign.news import NATIVE, RETRY_AFTER_MAX
from carriers.classify import retry_after
from store.webhooks.events import NewsReader, Telling
from webhooks.client import EgressClient, Unreachable
from webhooks.rendering import OutgoingCall, ShowNews
from webhooks.transport import Reason

log = structlog.get_logger("godwit.callbacks")

# Of an answer only the status and Retry-After are of use.
ANSWER_BYTES_MAX = 64 * 1024
GONE = 410
# Statuses that speak of the receiver as a whole rather than of one callback.
TIRED_STATUSES = frozenset({429, 502, 503, 504})
TIRED_REASONS = frozenset(
    {Reason.RESOLUTION, Reason.CONNECTION, Reason.TLS, Reason.TIMEOUT, Reason.PROTOCOL}
)


@dataclass(frozen=True, slots=True)
class _Prepared:
    url: str
    call: OutgoingCall
    headers: Mapping[str, str]


class OutwardCaller:
    """The :class:`campaign.calls.Caller` that calls real addresses, through the egress client."""

    def __init__(
        self, news: NewsReader, egress: EgressClient, renderers: Mapping[str, ShowNews]
    ) -> None:
        self._news = news
        self._egress = egress
        self._show = renderers

    async def call(self, callback_id: str, now: Instant) -> Called:
        """Read, render, sign and call once.

        2xx is a delivery; 410 means that nobody wants more; all else, redirects included, is a
        failure that comes again. A dialect that stumbles over an event fails that callback alone.
        """
        try:
            prepared = await asyncio.to_thread(self._prepare, callback_id, now)
        except StoreUnavailable:
            raise
        except Exception as error:
            # The error's text may quote what it stumbled over.
            log.error("callback_not_rendered", callback=callback_id, error=type(error).__name__)
            return Called(CallVerdict.FAILED, "not_rendered")
        if prepared is None:
            return Called(CallVerdict.NOTHING, "nothing")
        try:
            answer = await self._egress.request(
                prepared.call.method,
                prepared.url,
                headers=prepared.headers,
                content=prepared.call.body,
                bytes_max=ANSWER_BYTES_MAX,
            )
        except Unreachable as unreachable:
            reason = unreachable.reason
            return Called(CallVerdict.FAILED, reason.value, tired=reason in TIRED_REASONS)
        return judge(answer, now)

    def _prepare(self, callback_id: str, now: Instant) -> _Prepared | None:
        telling = self._news.read(callback_id, now)
        if telling is None:
            return None
        show: ShowNews = self._show.get(telling.event.dialect, self._show[NATIVE])
        call = show(telling.event)
        if call is None:
            return None
        headers = {**call.headers, **signature_headers(telling, now, call.body)}
        return _Prepared(_with_query(telling.event.address.url, call.query), call, headers)


def signature_headers(telling: Telling, now: Instant, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks 1.0.0; one signature for each secret that is valid.

    The addresses of single messages have no secret, and so no signature. The library writes any
    datetime as if it were UTC: this one is.
    """
    moment = moment_of(now)
    headers = {"webhook-id": telling.event.id, "webhook-timestamp": str(now // SECOND)}
    signatures = [
        Webhook(secret).sign(telling.event.id, moment, body.decode()) for secret in telling.secrets
    ]
    return headers | ({"webhook-signature": " ".join(signatures)} if signatures else {})


def judge(answer: httpx.Response, now: Instant) -> Called:
    """What an answer means: for this callback, and for its destination as a whole."""
    code = str(answer.status_code)
    if 200 <= answer.status_code < 300:
        return Called(CallVerdict.DELIVERED, code)
    if answer.status_code == GONE:
        return Called(CallVerdict.GONE, code)
    wish = answer.headers.get("retry-after")
    seconds = retry_after(wish, now / SECOND, RETRY_AFTER_MAX / SECOND)
    return Called(CallVerdict.FAILED, code, seconds, tired=answer.status_code in TIRED_STATUSES)


def _with_query(url: str, query: Sequence[tuple[str, str]]) -> str:
    if not query:
        return url
    before, _, _ = url.partition("#")
    return f"{before}{'&' if '?' in before else '?'}{urlencode(query)}"
