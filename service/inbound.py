"""What an inbound text does: it is kept and reported, and a keyword opts its writer out or in."""

from collections.abc import Sequence

from campaign.handoffs import Inbound
from campaign.inbound import InboundMessage
from campaign.instants import Instant
from campaign.keywords import Keyword, OptOutEvidence
from store.store import Store


def keep_inbound(store: Store, inbound: Inbound, carrier: str, now: Instant) -> bool:
    """Keep a text and obey it for every account that it concerns; False if it fits none.

    Call it in a thread. A second run changes nothing: the keyword counts with the id and the time
    under which the text was stored first. So a process that dies in between loses no STOP, because
    the carrier got no answer and brings the text again.
    """
    taken = store.inbound.take(inbound, carrier, now)
    own = {message.account_id: message for message in taken.messages}
    for account_id, reading in taken.readings.items():
        if reading.keyword is None:
            continue
        # An account that only wrote from the number before has no copy of the text, and must not
        # answer it.
        message = own.get(account_id, taken.messages[0])
        address = message.number if account_id in own else None
        _apply(store, account_id, message, reading.keyword, address, now)
    return bool(taken.messages)


def decide(store: Store, texts: Sequence[InboundMessage], is_stop: bool, now: Instant) -> None:
    """Carry out what a person decided about texts of one conversation that may ask to stop.

    Call it in a thread. ``texts`` are the newest first. If they do, the writer is opted out at the
    time of the newest one that waits for a decision, with that text as the evidence; a later START
    of the writer counts more. A second run changes nothing.
    """
    waiting = [message for message in texts if message.needs_review]
    if not waiting:
        return
    newest = waiting[0]
    if is_stop:
        _apply(store, newest.account_id, newest, Keyword.STOP, newest.number, now)
    store.conversations.decided(newest.account_id, newest.writer, newest.number, newest.received_at)


def _apply(
    store: Store,
    account_id: str,
    message: InboundMessage,
    keyword: Keyword,
    address: str | None,
    now: Instant,
) -> None:
    evidence = OptOutEvidence("inbound", message.carrier, address, message.body)
    store.opt_outs.apply(
        account_id, message.writer, keyword, message.received_at, message.id, evidence, now
    )
