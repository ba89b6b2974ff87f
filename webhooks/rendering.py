"""How a dialect writes the HTTP request of a webhook."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from store.webhooks.events import WebhookEvent


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A callback as a dialect says it; where it goes and how it is signed is not its business.

    ``query`` is put behind the address's own. A body must be UTF-8, since it may be signed as
    text; ``headers`` say what it is.
    """

    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    query: Sequence[tuple[str, str]] = ()


# Renders a callback each time it is tried, so the same event must give the same request; None where
# the API has no words for an event. Runs in a thread.
EventRenderer = Callable[[WebhookEvent], WebhookRequest | None]
