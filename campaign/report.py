"""The report of a campaign: counts, credits, times, and reasons of failure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from campaign.credits import Price
from campaign.instants import Instant
from campaign.ports import Tally


@dataclass(frozen=True, slots=True)
class CountryTotal:
    """The messages to one country, an ISO 3166 code, and their price; None where it is unknown."""

    country: str | None
    messages: int
    segments: int
    credits: Price


@dataclass(frozen=True, slots=True)
class AttemptTotal:
    """How many attempts through a carrier had an outcome, with its code; None while they run."""

    carrier: str | None
    outcome: str | None
    code: str | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Report:
    """The report of one campaign at one moment.

    ``held`` are the credits still held for waiting or unknown messages, ``posted`` those that were
    spent, ``voided`` those that were returned. ``reasons`` counts messages by state and reason,
    such as ``("failed", "invalid_number")``. ``countries`` has those that were sent and spent, most
    messages first. ``attempt_totals`` count those before a retry, too.
    """

    campaign_id: str
    sandbox: bool
    status: str
    tally: Tally
    segments_sent: int
    attempts: int
    held: Price
    posted: Price
    voided: Price
    first_sent_at: Instant | None = None
    last_sent_at: Instant | None = None
    reasons: Mapping[tuple[str, str], int] = field(default_factory=dict)
    countries: Sequence[CountryTotal] = ()
    attempt_totals: Sequence[AttemptTotal] = ()
