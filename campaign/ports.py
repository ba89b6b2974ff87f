"""The seams: what the activities and the ways in need from the world, in their own words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from campaign.canary import CanaryStore
from campaign.handoffs import Handoff, Repeats
from campaign.instants import Instant
from campaign.model import Evidence
from campaign.orders import StatusStore
from campaign.refusals import Refusal
from campaign.sending_windows import ExpiryStore
from campaign.states import CampaignStatus, MessageStatus


@dataclass(frozen=True, slots=True)
class ChunkRange:
    """The messages of one campaign that one activity call hands over.

    Positions ``low <= position < high`` that are waiting and due at ``due_until`` or before.
    Chunks of one wave never overlap, so whatever is ``sending`` in a chunk's range and not
    claimed by the running attempt belongs to a dead one.
    """

    campaign_id: str
    low: int
    high: int
    due_until: Instant


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended. ``due_at`` is set for ``retryable`` only.

    ``carrier`` is set where another one than the attempt's had accepted an earlier try.
    """

    position: int
    attempt: int
    status: MessageStatus
    at: Instant
    carrier_id: str | None = None
    code: str | None = None
    due_at: Instant | None = None
    carrier: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """What one transaction of a chunk did.

    ``deferred`` rows wait for another message that has their key. ``exhausted`` says that the
    chunk had no further rows to claim; with ``ask_again_at`` there are some that may leave later,
    because of a rate or since ``down`` is. ``waits_for`` names the rate or the carrier. Without
    it, ``ask_again_at`` is when the next message of the chunk is due. With ``held`` the campaign
    must not send now, so that nothing was claimed (store/shared/brakes.py).
    """

    claimed: list[Handoff] = field(default_factory=list)
    skipped: int = 0
    deferred: int = 0
    exhausted: bool = False
    ask_again_at: Instant | None = None
    waits_for: str | None = None
    down: str | None = None
    held: bool = False


class HealthStore(Protocol):
    """What the workers tell each other about carriers."""

    def trip(self, carrier: str, reason: str, now: Instant, probe_at: Instant) -> None:
        """A carrier is down, and to be left alone until ``probe_at``; the longest wish counts."""
        ...

    def restore(self, carrier: str) -> None:
        """A carrier answers; told twice, the second time changes nothing."""
        ...

    def may_probe(self, carrier: str, now: Instant) -> bool:
        """Tell whether one request may go to it now; while it is down, one a second may."""
        ...


class SendingStore(Protocol):
    """What ``activities/sending.py`` asks of the store. Every call is one transaction."""

    def flush_and_claim(
        self,
        chunk: ChunkRange,
        token: str,
        outcomes: Sequence[Outcome],
        claim_count: int,
        now: Instant,
        claimed_until: Instant,
        begins: bool = False,
    ) -> ClaimResult:
        """Write outcomes (with keys and ledger), then claim up to ``claim_count`` rows.

        With ``begins`` a scheduled campaign runs from now on, unless a pause or cancel waits.
        No row is claimed before it is due, at ``now``.
        An outcome counts only where the row is still ``sending`` under ``token``; run twice,
        the second run changes nothing. Claimed rows are ``sending`` and their attempt is
        written before this returns.
        """
        ...

    def renew(self, chunk: ChunkRange, token: str, position: int, claimed_until: Instant) -> bool:
        """Lengthen the lease of one claimed row before another try; False when it was lost.

        It is lost, too, when the recipient was erased: that message gets no further try.
        """
        ...

    def wants_nothing(self, campaign_id: str, number: str) -> bool:
        """Tell whether a number has opted out, where the campaign heeds that."""
        ...

    def brake(self, campaign_id: str) -> str | None:
        """Why a campaign must not send now, in a word; None when it may."""
        ...

    def abandoned(self, chunk: ChunkRange, token: str) -> tuple[list[Handoff], Instant | None]:
        """Rows left ``sending`` by dead attempts, and when the last of their leases ends."""
        ...

    def adopt(
        self,
        chunk: ChunkRange,
        token: str,
        positions: Sequence[int],
        now: Instant,
        claimed_until: Instant,
    ) -> list[int]:
        """Take rows over whose lease has ended; returns the positions that were won."""
        ...


# --------------------------------------------------------------------------- other activities


@dataclass(frozen=True, slots=True)
class WaveRow:
    """One waiting message as the planner sees it."""

    due_at: Instant
    position: int


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What a plan is made from.

    ``begun``: the campaign is neither a draft nor scheduled any more. ``sent_any``: at least one
    message may have left. Paused since ``paused_at``, it counts from ``base_at``. ``canary``: it
    has not ended.
    """

    spread_hours: float
    first_due_at: Instant | None
    last_due_at: Instant | None
    to_send: int
    pauses: int = 0
    failed: int = 0
    begun: bool = True
    sent_any: bool = False
    paused_at: Instant | None = None
    canary: bool = False
    base_at: Instant = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """How many messages of a campaign are in each state; the ten always sum to ``total``."""

    total: int = 0
    queued: int = 0
    sending: int = 0
    retryable: int = 0
    sent: int = 0
    delivered: int = 0
    undelivered: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0
    unknown: int = 0

    @property
    def is_all_sent(self) -> bool:
        """Tell whether no message waits to be sent, or is being sent."""
        return self.queued + self.sending + self.retryable == 0


class CampaignStore(StatusStore, Protocol):
    """What the activities ask of a campaign as a whole; one transaction each."""

    def refuse(self, campaign_id: str, refusals: Sequence[Refusal], now: Instant) -> None:
        """End a draft as refused: messages cancelled, key released. Twice changes nothing."""
        ...

    def stored_refusals(self, campaign_id: str) -> Sequence[Refusal] | None:
        """The refusals of a refused campaign, None of any other."""
        ...

    def report_problem(self, campaign_id: str, problem: str | None, now: Instant) -> None:
        """Write what keeps an open campaign from going on, in a few machine-readable words.

        None says that nothing does any more. An ended campaign has no problem and gets none.
        """
        ...

    def cancel_rest(self, campaign_id: str, now: Instant) -> int:
        """Cancel every waiting message; returns how many this call cancelled."""
        ...

    def tally(self, campaign_id: str) -> Tally:
        """Count the messages by state."""
        ...


class PlanStore(CanaryStore, Protocol):
    """What changes when the messages of a campaign are due; one transaction each.

    Changes of one campaign are numbered from 1, without gaps, whatever they are. The same
    ``number`` again changes nothing, and neither does one out of turn. A change that would bring
    an instant before 1970 or after 2199 raises InstantOutOfRange, which a repeat cannot mend.
    """

    def shift(
        self, campaign_id: str, number: int, by: Instant, scheduled_at: Instant | None = None
    ) -> int:
        """Move every waiting message by ``by`` milliseconds; ``scheduled_at`` is a new schedule.

        Returns the number of the last change in the store, which is ``number`` if it was made.
        """
        ...

    def respread(
        self,
        campaign_id: str,
        number: int,
        hours: float,
        earliest: Instant,
        scheduled_at: Instant | None = None,
    ) -> int:
        """Lay out anew over ``hours`` the queued messages that have no time of their own.

        They are laid out as those of a new campaign are, from the present start of this one, or
        from ``earliest`` where that is later. With a new schedule all that waits then moves, so
        that the first of it is due at that. Returns the number of the last change in the store.
        """
        ...


class AdmissionStore(ExpiryStore, Protocol):
    """What judging, paying, planning and settling ask; one transaction each."""

    def evidence(
        self, campaign_id: str, now: Instant, part: tuple[int, int] | None = None
    ) -> Evidence:
        """Gather what the judgement rules look at.

        Of a ``part``, the positions from the first to before the second, without the spread.
        """
        ...

    def spread_evidence(self, campaign_id: str, now: Instant) -> Evidence:
        """What tells whether the spread of a campaign is long enough, and nothing else."""
        ...

    def skip_opted_out(self, campaign_id: str, now: Instant) -> int:
        """Mark waiting messages to opted-out numbers skipped, where the campaign excludes them."""
        ...

    def is_held(self, campaign_id: str) -> bool:
        """Tell whether the price of the campaign was held."""
        ...

    def hold(self, campaign_id: str, now: Instant) -> Refusal | None:
        """Hold the price of all waiting messages and count the quota, or say why not.

        All or nothing in one transaction; held twice, the second call changes nothing.
        """
        ...

    def plan_facts(self, campaign_id: str) -> PlanFacts:
        """What the plan is made from."""
        ...

    def waiting_rows(self, campaign_id: str, limit: int) -> Sequence[WaveRow]:
        """The next messages that need a chunk, by due instant, then position.

        Waiting ones at their due instant, and ones left ``sending`` by a dead attempt at the
        end of its lease.
        """
        ...

    def settle(
        self, campaign_id: str, status: CampaignStatus, now: Instant
    ) -> tuple[CampaignStatus, Tally]:
        """Void what is held for messages given up, free or date keys, write the end.

        Returns where the campaign stands then, with its counts. Settled twice, the second call
        only counts, and so does one that finds messages which a retry has put to work again.
        """
        ...


class ResolvingStore(Protocol):
    """What the activities ask about messages that may or may not have left."""

    def reopen_unknown(self, campaign_id: str, repeats: Mapping[str, Repeats], now: Instant) -> int:
        """Put doubtful messages back to work where that is safe or wished, by their carriers.

        Returns how many messages of the campaign are at work then; run again, the same.
        """
        ...
