"""What an inbound text asks of an account: read by its words, and applied to the opt-outs."""

from campaign.handoffs import Inbound
from campaign.instants import Instant
from campaign.keyword_reading import read_keyword
from campaign.keywords import Keyword, OptOutEvidence, Reading
from store.store import Store


def apply_keyword(
    store: Store,
    account_id: str,
    inbound: Inbound,
    event_id: str,
    carrier: str,
    carrier_verdict: Keyword | None = None,
    now: Instant | None = None,
    may_answer: bool = True,
) -> Reading:
    """Read a text to a number of the account and apply what it asks for; blocking.

    ``event_id`` names the text: the same one again changes nothing. ``carrier_verdict`` is what the
    carrier says that the text asks for, if it says so. Returns how the text was read.
    Unless the account ``may_answer``, no confirmation or help is sent.
    """
    reading = read_keyword(inbound.body, store.keywords.get(account_id), carrier_verdict)
    if reading.keyword is not None:
        evidence = OptOutEvidence(
            "inbound", carrier, inbound.to if may_answer else None, inbound.body
        )
        store.opt_outs.apply(
            account_id, inbound.sender, reading.keyword, inbound.at, event_id, evidence, now
        )
    return reading
