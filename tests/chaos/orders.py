"""Whether orders that were answered are kept, and nothing was sent against them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from campaign.rates import campaign_scope
from tests.chaos.arena import LEASE_SECONDS
from tests.chaos.customers import ENDS, Order, Posted

# What is claimed when an order is answered may still leave, and be answered, within its lease.
UNDER_WAY = round(LEASE_SECONDS * 1_000)
# A wave takes along what is due a moment later.
SOONER = 1_000
HOLDS = {"pause", "cancel"}
# Orders after which messages leave again; a retry is accepted when the campaign has ended.
RELEASES = {"resume", "retry"}


def forgotten(posted: Posted, campaign: Mapping[str, Any], rates: Mapping[str, float]) -> list[str]:
    """Answered orders that a campaign, as it is shown now, does not follow."""
    status, found = campaign["status"], []
    control = posted.last("pause", "resume", "cancel")
    is_open = status not in ENDS
    if control is not None and is_open:
        if control.verb == "cancel":
            found.append(f"cancel: {status}")
        if control.verb == "pause" and status != "paused":
            found.append(f"pause: {status}")
        if control.verb == "resume" and campaign["pausedBy"] == "person":
            found.append(f"resume: {status} by {campaign['pausedBy']}")
    move = posted.last("reschedule")
    if move is not None:
        start, shown = instant(move.value), instant(campaign["scheduleDateTime"])
        # A start that passed while the order was asked again and again means now.
        if not start <= shown <= max(start, move.answered_at):
            found.append(f"reschedule: {campaign['scheduleDateTime']} and not {move.value}")
    rate = posted.last("rate")
    if rate is not None and is_open and rates.get(campaign_scope(posted.id)) != rate.value:
        found.append(f"rate: {rates.get(campaign_scope(posted.id))} and not {rate.value}")
    return [f"{posted.id} {each}" for each in found]


def unretried(posted: Posted, attempts: Mapping[str, int]) -> list[str]:
    """Messages that an answered retry named, and that were not sent again."""
    retry = posted.last("retry")
    if retry is None:
        return []
    left = [id for id, before in retry.value.items() if attempts[id] <= before]
    return [f"{posted.id} retry: {len(left)} were not sent again"] if left else []


def sent_against_orders(posted: Posted, accepted: Sequence[int]) -> list[str]:
    """Name the order against which each of a campaign's messages left.

    ``accepted`` are the instants of the carrier. Nothing may leave between the answer to a pause
    or a cancel and the next resume or retry, or before the start that was given last.
    """
    found = []
    for number, order in enumerate(posted.orders):
        if order.verb not in HOLDS:
            continue
        since, until = order.answered_at + UNDER_WAY, _released(posted.orders[number + 1 :])
        found += [
            f"{posted.id} {order.verb}: sent {at - order.answered_at} ms later"
            for at in accepted
            if since < at and (until is None or at < until)
        ]
    move = posted.last("reschedule")
    if move is not None:
        start = instant(move.value)
        early = [start - at for at in accepted if at < start - SOONER]
        found += [f"{posted.id} reschedule: sent {before} ms before its start" for before in early]
    return found


def instant(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 text."""
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


def _released(later: Sequence[Order]) -> int | None:
    """When the next order that lets messages leave was asked for: it may take effect from then."""
    return next((order.asked_at for order in later if order.verb in RELEASES), None)
