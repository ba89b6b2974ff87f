"""What an inbound text does: it is kept and reported, and a keyword opts its writer out or in."""

from dataclasses import replace

from campaign.handoffs import Inbound
from campaign.instants import Instant
from campaign.keywords import Keyword
from campaign.phone import is_e164
from service.inbound_keywords import apply_keyword
from store.store import Store


def keep_inbound(store: Store, inbound: Inbound, carrier: str, now: Instant) -> bool:
    """Keep a text and obey it for every account that it concerns; False if it fits none.

    Call it in a thread. A second run changes nothing: the keyword counts with the id and the time
    under which the text was stored first. So a process that dies in between loses no STOP, because
    the carrier got no answer and brings the text again.
    """
    taken = store.inbound.take(inbound, carrier, now)
    own = {message.account_id: message for message in taken.messages}
    # A name or short code that writes to us can neither opt out nor in.
    for account_id in sorted(taken.accounts) if is_e164(inbound.sender) else ():
        # An account that only wrote from the number before has no copy, and must not answer it.
        message = own.get(account_id, taken.messages[0])
        text = replace(inbound, sender=message.writer, to=message.number, at=message.received_at)
        verdict = Keyword(inbound.keyword) if inbound.keyword else None
        reading = apply_keyword(
            store, account_id, text, message.id, carrier, verdict, now, account_id in own
        )
        if reading.needs_review and account_id in own:
            store.inbound.flag(message.id)
    return bool(taken.accounts)
