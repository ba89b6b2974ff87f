"""What an inbound text does: it is kept and reported, and a keyword opts its writer out or in."""

from campaign.handoffs import Inbound
from campaign.instants import Instant
from campaign.keywords import OptOutEvidence
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
        evidence = OptOutEvidence("inbound", carrier, address, message.body)
        store.opt_outs.apply(
            account_id,
            message.writer,
            reading.keyword,
            message.received_at,
            message.id,
            evidence,
            now,
        )
    return bool(taken.messages)
