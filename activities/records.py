"""What goes into and comes out of the activities: ids, ranges and counts, never people."""

from pydantic import BaseModel, ConfigDict

from campaign.instants import Instant
from campaign.orders import Order
from campaign.ports import Tally
from campaign.refusals import Refusal
from campaign.schedule import Wave
from campaign.states import CampaignStatus


class Record(BaseModel):
    """The base of every record: unknown members are ignored, so that old workers read new ones."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CampaignRef(Record):
    """Which campaign."""

    campaign_id: str


class Verdict(Record):
    """Whether a campaign is admitted; a refused one has its reasons, free of numbers and texts."""

    admitted: bool
    refusals: tuple[Refusal, ...] = ()


class PlanCampaignResult(Record):
    """When a campaign's first and last message are due, and how many wait to be sent.

    ``withdrawn`` has the refusals of a campaign that was withdrawn while it was admitted.
    ``pauses`` counts the changes of the plan so far; it is not 0 when the campaign is admitted
    again after Temporal lost its workflow. ``failed`` messages failed before anything was sent:
    their recipients had a fault.
    """

    first_due_at: Instant | None
    last_due_at: Instant | None
    to_send: int
    pauses: int = 0
    failed: int = 0
    withdrawn: tuple[Refusal, ...] = ()


class NextWavesResult(Record):
    """The next waves of a campaign, soonest first, and its counts.

    Earlier versions count only when nothing waits. ``canary`` says that the waves are those of a
    canary; when its messages have left, ``canary_until`` is until when the others wait.
    """

    waves: tuple[Wave, ...] = ()
    tally: Tally | None = None
    canary: bool = False
    canary_until: Instant | None = None


class AdmitCampaignResult(Record):
    """The verdict on a campaign with its counts; if it is admitted, its plan and first waves."""

    verdict: Verdict
    tally: Tally
    plan: PlanCampaignResult | None = None
    next: NextWavesResult | None = None


class ChunkInput(Record):
    """What one call of ``send_chunk`` sends (see campaign.ports.ChunkRange).

    Of a ``cancelled`` campaign nothing more is sent; the activity only finds out what had left.
    With ``known_down`` the campaign knows that a carrier is down, and need not learn it soon.
    With ``begins`` its first claim writes that the campaign runs. ``receipts_seconds`` is there
    when the chunk may be the last: it then waits between attempts for receipts that come soon, for
    so long at most.
    """

    campaign_id: str
    low: int
    high: int
    due_until: Instant
    cancelled: bool = False
    known_down: bool = False
    begins: bool = False
    receipts_seconds: float | None = None


class ChunkResult(Record):
    """How many messages of a chunk ended how; ``stopped`` when it left off before its end.

    ``down`` names the carrier that it left off for, if any. A chunk that only waited, on a worker
    that had no room for it, says ``again_at`` when it should come again.
    ``held`` says that the store does not let the campaign send now. The last chunk of a campaign
    has the counts of all its messages, and says how long it waited for receipts.
    """

    sent: int = 0
    retryable: int = 0
    failed: int = 0
    skipped: int = 0
    unknown: int = 0
    deferred: int = 0
    stopped: bool = False
    down: str | None = None
    again_at: Instant | None = None
    held: bool = False
    waited_seconds: int = 0
    tally: Tally | None = None


class ShiftPlanInput(Record):
    """Move everything that waits by ``by`` milliseconds; changes are numbered from 1.

    ``scheduled_at`` is the campaign's new schedule, if it gets one.
    """

    campaign_id: str
    number: int
    by: Instant
    scheduled_at: Instant | None = None


class ShiftPlanResult(Record):
    """The number of the last change in the store, and when what waits is due.

    Another number than that of the change says that the change was not made.
    """

    number: int
    first_due_at: Instant | None = None
    last_due_at: Instant | None = None


class EndCanaryInput(Record):
    """Let the rest of a campaign follow its canary, or not; numbered together with shifts."""

    campaign_id: str
    number: int


class RespreadPlanInput(Record):
    """Lay out anew over ``hours`` what is queued; numbered together with shifts.

    Nothing becomes due before ``earliest``. ``scheduled_at`` is the campaign's new schedule, if it
    gets one as well.
    """

    campaign_id: str
    number: int
    hours: float
    earliest: Instant
    scheduled_at: Instant | None = None


class RespreadPlanResult(Record):
    """When the first and the last message that wait are due; None where nothing waits.

    ``number`` is as in ShiftPlanResult, and None in the answers of earlier versions.
    """

    number: int | None = None
    first_due_at: Instant | None = None
    last_due_at: Instant | None = None


class LimitsInput(Record):
    """Another window or expiry; see :class:`campaign.limits_changes.LimitsChange`."""

    has_window: bool = False
    window: str | None = None
    has_expiry: bool = False
    expires_at: Instant | None = None


class ChangeLimitsInput(LimitsInput):
    """The same for one campaign; numbered together with shifts."""

    campaign_id: str
    number: int


class SetStatusInput(Record):
    """Where the campaign stands now; ``order`` is the number of the newest order that it has."""

    campaign_id: str
    status: CampaignStatus
    order: Instant = 0


class SetStatusResult(Record):
    """Where the campaign stands in the store, which refuses moves that are not allowed.

    ``behind`` says that the store has a newer order: the campaign is to follow that.
    """

    status: CampaignStatus
    behind: bool = False


class FollowOrdersResult(Record):
    """Where the campaign stands in the store (see campaign.orders.Standing)."""

    status: CampaignStatus
    ordered: Order | None = None
    number: Instant = 0
    paused_for: Instant = 0


class SettleInput(Record):
    """End a campaign; ``cancelled`` when a person asked for it."""

    campaign_id: str
    cancelled: bool


class SettleResult(Record):
    """How a campaign ended."""

    status: CampaignStatus
    tally: Tally


class ReportProblemInput(Record):
    """Why a campaign needs a person, as a short code; None when it does not any more."""

    campaign_id: str
    problem: str | None


class DeliverInput(Record):
    """Call an endpoint with what is due there, ``calls_max`` deliveries at most."""

    destination: str
    calls_max: int


class DeliverResult(Record):
    """What one call of ``deliver`` did.

    ``next_due_at`` is None when nothing waits any more. ``overloaded`` says that the endpoint
    needs a rest, until ``rest_until`` if it said so itself.
    """

    calls: int = 0
    delivered: int = 0
    next_due_at: Instant | None = None
    overloaded: bool = False
    rest_until: Instant | None = None
