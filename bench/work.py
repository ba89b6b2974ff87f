"""The work that every contender does: the same messages to the same people."""

import json
from datetime import datetime
from typing import Any

from campaign.handoffs import Handoff

SENDER = "+18005559876"
# The longest spread that is measured: three days.
SPREAD_HOURS = 72.0
WARM_UP = 100
# An area code has as many, from 200 0000 on; we begin at 555 1000.
NUMBERS = 8_000_000
FIRST_NUMBER = 3_551_000


def number_of(index: int) -> str:
    """The phone number of one recipient, different for each below ``NUMBERS``."""
    place = (FIRST_NUMBER + index) % NUMBERS
    return f"+1415{2_000_000 + place}"


def text_of(index: int) -> str:
    """The text for one recipient."""
    return f"Order {index} has shipped"


def handoff(index: int) -> Handoff:
    """One message as a carrier takes it."""
    reference = f"cmp_bench000000000000000:{index}"
    return Handoff(index, 1, reference, SENDER, number_of(index), text_of(index), None, 1)


def request_body(message: Handoff) -> dict[str, Any]:
    """The body of one message, for contenders that do not use our own client."""
    return {
        "reference": message.reference,
        "from": message.sender,
        "to": message.to,
        "body": message.text,
        "mediaUrl": message.media_url,
        "segments": message.segments,
    }


def campaign(
    count: int, due: datetime | None = None, spread_hours: float = 0.0, first: int = 0
) -> bytes:
    """The native request for a campaign to ``count`` people, from the ``first`` on.

    What is looked up once is remembered, so each contender gets numbers not seen before.
    The texts are the same ones whatever the numbers.
    """
    body: dict[str, Any] = {
        "sender": SENDER,
        "recipients": [{"to": number_of(first + n), "text": text_of(n)} for n in range(count)],
    }
    if due is not None:
        body["scheduleDateTime"] = due.isoformat()
    if spread_hours:
        body["spreadHours"] = spread_hours
    return json.dumps(body, separators=(",", ":")).encode()
