"""What an inbound text does: it is kept and reported, and a keyword opts its writer out or in."""

from campaign.handoffs import Inbound
from campaign.instants import Instant
from campaign.keywords import Keyword, OptOutEvidence
from campaign.phone import is_e164
from campaign.rules.opt_outs import read_keyword
from store.replies.inbound import Taken
from store.store import Store


def keep_inbound(store: Store, inbound: Inbound, carrier: str, now: Instant) -> bool:
    """Keep a text and obey it for every account that it concerns; False if it fits none.

    Call it in a thread. A second run changes nothing: the keyword counts with the id and the time
    under which the text was stored first. So a process that dies in between loses no STOP, because
    the carrier got no answer and brings the text again.
    """
    taken = store.inbound.take(inbound, carrier, now)
    keyword = keyword_of(inbound)
    if keyword is not None:
        _apply(store, taken, keyword, carrier, now)
    return bool(taken.accounts)


def keyword_of(inbound: Inbound) -> Keyword | None:
    """The keyword of a text: what the carrier read in it, else what we do.

    A name or short code that writes to us can neither opt out nor in.
    """
    if not is_e164(inbound.sender):
        return None
    return Keyword(inbound.keyword) if inbound.keyword else read_keyword(inbound.body)


def _apply(store: Store, taken: Taken, keyword: Keyword, carrier: str, now: Instant) -> None:
    own = {message.account_id: message for message in taken.messages}
    for account_id in sorted(taken.accounts):
        # Who only wrote from the number before has no copy of the text, and must not answer it.
        message = own.get(account_id, taken.messages[0])
        address = message.number if account_id in own else None
        evidence = OptOutEvidence("inbound", carrier, address, message.body)
        store.opt_outs.apply(
            account_id, message.writer, keyword, message.received_at, message.id, evidence, now
        )
