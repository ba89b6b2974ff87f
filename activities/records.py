"""What goes into and comes out of the activities: ids, ranges and counts, never people."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from campaign.instants import Instant
from campaign.states import CampaignStatus


class Record(BaseModel):
    """The base of every record: unknown members are ignored, so that old workers read new ones."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CampaignRef(Record):
    """Which campaign."""

    campaign_id: str


class RefusalRecord(Record):
    """One reason for a no (see campaign.refusals); free of numbers and texts."""

    code: str
    message: str
    place: str = ""
    details: dict[str, Any] = Field(default_factory=dict)


class Verdict(Record):
    """Whether a campaign is admitted; refused ones say why."""

    admitted: bool
    refusals: tuple[RefusalRecord, ...] = ()


class PlanCampaignResult(Record):
    """When a campaign's first and last message are due, and how many are to go.

    ``withdrawn`` says why it was refused behind the workflow's back, and is mostly empty.
    ``pauses`` is not 0 when the campaign is admitted again after Temporal lost its workflow.
    ``failed`` messages have failed before anything was sent: their recipients had a fault.
    """

    first_due_at: Instant | None
    last_due_at: Instant | None
    to_send: int
    pauses: int = 0
    failed: int = 0
    withdrawn: tuple[RefusalRecord, ...] = ()


class WaveRecord(Record):
    """What leaves together (see campaign.schedule.Wave).

    With ``begins`` the campaign has not begun, and the wave's chunks are to write that it has.
    """

    fire_at: Instant
    due_until: Instant
    count: int
    chunks: tuple[tuple[int, int], ...]
    begins: bool = False


class TallyRecord(Record):
    """Messages of a campaign by state (see campaign.ports.Tally)."""

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


class NextWavesResult(Record):
    """The next waves of a campaign, soonest first; when nothing is waiting, the counts instead."""

    waves: tuple[WaveRecord, ...] = ()
    tally: TallyRecord | None = None


class ChunkInput(Record):
    """What one call of ``send_chunk`` hands over (see campaign.ports.ChunkRange).

    Of a ``cancelled`` campaign nothing leaves any more; it is only found out what had left. With
    ``known_down`` the campaign knows that a carrier is down, and need not hear so again soon.
    With ``begins`` it is first written that the campaign runs.
    """

    campaign_id: str
    low: int
    high: int
    due_until: Instant
    cancelled: bool = False
    known_down: bool = False
    begins: bool = False


class ChunkResult(Record):
    """How many messages of a chunk ended how; ``stopped`` when it left off before its end.

    ``down`` names the carrier that it left off for, if any.
    """

    sent: int = 0
    retryable: int = 0
    failed: int = 0
    skipped: int = 0
    unknown: int = 0
    deferred: int = 0
    stopped: bool = False
    down: str | None = None


class ShiftPlanInput(Record):
    """Move everything waiting by ``by`` milliseconds; ``number`` counts from 1.

    A campaign that gets another schedule brings that as ``scheduled_at``.
    """

    campaign_id: str
    number: int
    by: Instant
    scheduled_at: Instant | None = None


class RespreadPlanInput(Record):
    """Lay out anew over ``hours`` what is queued; ``number`` is counted together with moves.

    Nothing becomes due before ``earliest``. A campaign that gets another schedule as well brings
    that as ``scheduled_at``.
    """

    campaign_id: str
    number: int
    hours: float
    earliest: Instant
    scheduled_at: Instant | None = None


class RespreadPlanResult(Record):
    """When the first and the last of what waits are due; None where nothing does."""

    first_due_at: Instant | None = None
    last_due_at: Instant | None = None


class SetStatusInput(Record):
    """Tell the store where the campaign stands."""

    campaign_id: str
    status: CampaignStatus


class SettleInput(Record):
    """End a campaign."""

    campaign_id: str
    cancelled: bool


class DeliverInput(Record):
    """Call a destination with what is due there, ``calls_max`` callbacks at most."""

    destination: str
    calls_max: int


class DeliverResult(Record):
    """What one call of ``deliver`` came to.

    ``next_due_at`` is None when nothing waits any more. ``tired`` says that the destination
    needs a rest, until ``rest_until`` if it said so itself.
    """

    calls: int = 0
    delivered: int = 0
    next_due_at: Instant | None = None
    overloaded: bool = False
    rest_until: Instant | None = None


class SettleResult(Record):
    """How a campaign ended."""

    status: CampaignStatus
    tally: TallyRecord
