"""Deliveries to accounts: rendered by their dialect, signed, and brought to their address."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx
from standardwebhooks import Webhook

from campaign.deliveries import DeliveryOutcome, DeliveryVerdict
from campaign.events import NATIVE, RETRY_AFTER_MAX
from campaign.failures import StoreUnavailable
from campaign.instants import SECOND, Instant, moment_of
from carriers.classify import retry_after
from store.webhooks.events import EventReader, SignedEvent, WebhookEvent
from telemetry.logs import get_logger
from telemetry.tracing import HEADER as TRACEPARENT
from telemetry.tracing import call_span
from webhooks.client import EgressClient, Unreachable
from webhooks.rendering import EventRenderer, WebhookRequest
from webhooks.transport import Reason

log = get_logger("godwit.callbacks")

GONE = 410
# Statuses that speak of the receiver as a whole rather than of one callback.
OVERLOADED_STATUSES = frozenset({429, 502, 503, 504})
OVERLOADED_REASONS = frozenset(
    {Reason.RESOLUTION, Reason.CONNECTION, Reason.TLS, Reason.TIMEOUT, Reason.PROTOCOL}
)


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """A signed call: ``headers`` are all that it needs beside those of HTTP itself."""

    event: WebhookEvent
    call: WebhookRequest
    headers: Mapping[str, str]

    @property
    def url(self) -> str:
        """The address of the event's endpoint with the query of the call."""
        return _with_query(self.event.address.url, self.call.query)


class WebhookSender:
    """The :class:`campaign.deliveries.DeliverySender` that calls real addresses, over the safe way
    out.
    """

    def __init__(
        self,
        webhook_event: EventReader,
        egress: EgressClient,
        renderers: Mapping[str, EventRenderer],
    ) -> None:
        self._events = webhook_event
        self._egress = egress
        self._renderers = renderers

    async def deliver(self, callback_id: str, now: Instant) -> DeliveryOutcome:
        """Read, render, sign and call once.

        The status line alone decides, whatever the body: 2xx is a delivery; 410 means that nobody
        wants more; all else, redirects included, is a failure that comes again. A dialect that
        stumbles over an event fails that callback alone.
        """
        try:
            prepared = await asyncio.to_thread(
                prepare, self._events, self._renderers, callback_id, now
            )
        except StoreUnavailable:
            raise
        except Exception as error:
            # The error's text may quote what it stumbled over.
            log.error("callback_not_rendered", callback=callback_id, error=type(error).__name__)
            return DeliveryOutcome(DeliveryVerdict.FAILED, "not_rendered")
        if prepared is None:
            return DeliveryOutcome(DeliveryVerdict.NOTHING, "nothing")
        event = prepared.event
        parent = None if event.campaign is None else event.campaign.traceparent
        with call_span(
            "webhook", parent, event=event.event.value, delivery=callback_id, tries=event.tries
        ) as span:
            outcome = await self._call(prepared, span.traceparent, now)
            span.set(outcome=outcome.verdict.value, code=outcome.code)
            return outcome

    async def _call(
        self, prepared: PreparedCall, traceparent: str | None, now: Instant
    ) -> DeliveryOutcome:
        passed = {} if traceparent is None else {TRACEPARENT: traceparent}
        try:
            answer = await self._egress.request(
                prepared.call.method,
                prepared.url,
                headers={**prepared.headers, **passed},
                content=prepared.call.body,
                status_only=True,
            )
        except Unreachable as unreachable:
            reason = unreachable.reason
            return DeliveryOutcome(
                DeliveryVerdict.FAILED, reason.value, overloaded=reason in OVERLOADED_REASONS
            )
        return classify_answer(answer, now)


def prepare(
    events: EventReader, renderers: Mapping[str, EventRenderer], callback_id: str, now: Instant
) -> PreparedCall | None:
    """Read, render and sign the event of a delivery; blocking.

    None if the event, or what it reports, no longer exists, or its dialect does not report it.
    Raises StoreError, and what a renderer raises.
    """
    signed_event = events.read(callback_id, now)
    if signed_event is None:
        return None
    event = signed_event.event
    render: EventRenderer = renderers.get(event.dialect, renderers[NATIVE])
    call = render(event)
    if call is None:
        return None
    headers = {**call.headers, **signature_headers(signed_event, now, call.body)}
    return PreparedCall(event, call, headers)


def signature_headers(signed_event: SignedEvent, now: Instant, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks 1.0.0; one signature for each secret that is valid.

    The addresses of single messages have no secret, and so no signature. The library writes any
    datetime as if it were UTC: this one is.
    """
    moment = moment_of(now)
    headers = {"webhook-id": signed_event.event.id, "webhook-timestamp": str(now // SECOND)}
    signatures = [
        Webhook(secret).sign(signed_event.event.id, moment, body.decode())
        for secret in signed_event.secrets
    ]
    return headers | ({"webhook-signature": " ".join(signatures)} if signatures else {})


def classify_answer(answer: httpx.Response, now: Instant) -> DeliveryOutcome:
    """What an answer means: for this callback, and for its destination as a whole."""
    code = str(answer.status_code)
    if 200 <= answer.status_code < 300:
        return DeliveryOutcome(DeliveryVerdict.DELIVERED, code)
    if answer.status_code == GONE:
        return DeliveryOutcome(DeliveryVerdict.GONE, code)
    requested = answer.headers.get("retry-after")
    seconds = retry_after(requested, now / SECOND, RETRY_AFTER_MAX / SECOND)
    return DeliveryOutcome(
        DeliveryVerdict.FAILED, code, seconds, overloaded=answer.status_code in OVERLOADED_STATUSES
    )


def _with_query(url: str, query: Sequence[tuple[str, str]]) -> str:
    if not query:
        return url
    before, _, _ = url.partition("#")
    return f"{before}{'&' if '?' in before else '?'}{urlencode(query)}"
