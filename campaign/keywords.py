"""Keywords of inbound texts, and the evidence of what they did."""

from dataclasses import dataclass

from campaign.rules.opt_outs import Keyword as Keyword


@dataclass(frozen=True, slots=True)
class OptOutEvidence:
    """How a number opted out or in: ``source`` is "inbound", "api", "file" or "carrier".

    ``text`` was written to ``address`` through ``carrier``; ``reason`` is a carrier's code.
    """

    source: str
    carrier: str | None = None
    address: str | None = None
    text: str | None = None
    reason: str | None = None
