"""The verdict of a proof: what an installation says it did against what the carrier took."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from campaign.states import CAMPAIGN_ENDS, CampaignStatus, MessageStatus

HANDED_OFF = frozenset({MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.UNDELIVERED})
GIVEN_UP = frozenset({MessageStatus.FAILED, MessageStatus.SKIPPED, MessageStatus.CANCELLED})
_ZEROS = ("lost", "doubled", "miscounted", "drift", "leaks")


@dataclass(frozen=True, slots=True)
class Observed:
    """A campaign as the API shows it in the end; credits are of SMS."""

    id: str
    status: CampaignStatus
    counts: Mapping[str, int]
    held: int
    posted: int
    voided: int
    messages: Mapping[str, MessageStatus]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts of what must be zero, and of what was sent.

    ``lost``: messages that were neither sent nor given up. ``doubled``: acceptances beyond the
    first. ``miscounted``: messages in another state than the carrier's log or the campaign's
    counts say. ``drift``: credits that were posted or returned wrongly. ``leaks``: credits that
    ended campaigns still hold. ``unknown``: messages of which nobody can tell, counted apart.
    """

    campaigns: int
    messages: int
    sent: int
    unknown: int
    lost: int
    doubled: int
    miscounted: int
    drift: int
    leaks: int

    @property
    def holds(self) -> bool:
        """Whether everything that must be zero is."""
        shown = asdict(self)
        return not any(shown[name] for name in _ZEROS)


def compare(campaigns: Sequence[Observed], log: Sequence[str], price: int, off: int = 0) -> Verdict:
    """Compare campaigns with a carrier's log.

    Args:
        campaigns: every campaign of the proof, read after its end or the end of patience.
        log: the references that the carrier accepted, with repeats; others are left out.
        price: the credits that one message costs.
        off: by how many credits the account's books do not add up.
    """
    accepted = Counter(log)
    lost = miscounted = drift = leaks = unknown = sent = doubled = 0
    for campaign in campaigns:
        states = Counter(campaign.messages.values())
        handed_off = sum(states[state] for state in HANDED_OFF)
        given_up = sum(states[state] for state in GIVEN_UP)
        uncertain = states[MessageStatus.UNKNOWN]
        for id, state in campaign.messages.items():
            took = accepted[id]
            sent += took > 0
            doubled += max(0, took - 1)
            if state in HANDED_OFF:
                lost += took == 0
            elif state in GIVEN_UP:
                miscounted += took > 0
            elif state is not MessageStatus.UNKNOWN:
                lost += 1
        unknown += uncertain
        miscounted += sum(abs(campaign.counts[one] - states[one]) for one in MessageStatus)
        drift += abs(campaign.posted - price * handed_off)
        drift += abs(campaign.voided - price * given_up)
        if campaign.status in CAMPAIGN_ENDS:
            leaks += abs(campaign.held - price * uncertain)
    total = sum(len(campaign.messages) for campaign in campaigns)
    return Verdict(
        campaigns=len(campaigns),
        messages=total,
        sent=sent,
        unknown=unknown,
        lost=lost,
        doubled=doubled,
        miscounted=miscounted,
        drift=drift + abs(off),
        leaks=leaks,
    )
