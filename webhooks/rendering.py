"""How a dialect writes the HTTP request of a webhook."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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


def json_request(
    shown: Mapping[str, Any], headers: Callable[[bytes], Mapping[str, str]] | None = None
) -> WebhookRequest:
    """A callback with a JSON body, compact and in UTF-8; ``headers`` makes others of the body."""
    body = json.dumps(shown, separators=(",", ":"), ensure_ascii=False).encode()
    made = headers(body) if headers else {"Content-Type": "application/json"}
    return WebhookRequest(headers=made, body=body)


# Renders a callback each time it is tried, so the same event must give the same request; None where
# the API has no words for an event. Runs in a thread.
EventRenderer = Callable[[WebhookEvent], WebhookRequest | None]
