"""What goes into and comes out of the campaign's workflow."""

from pydantic import Field

from activities.records import Record, TallyRecord, Verdict
from campaign.instants import Instant
from campaign.states import CampaignStatus


class CampaignState(Record):
    """Everything a run must know to carry on where the last one left off.

    ``pauses`` counts the changes of the plan: pauses made up for, other starts and spreads.
    """

    status: CampaignStatus = CampaignStatus.DRAFT
    verdict: Verdict | None = None
    first_due_at: Instant | None = None
    last_due_at: Instant | None = None
    paused_at: Instant | None = None
    cancelling: bool = False
    pauses: int = 0
    waves: int = 0
    tally: TallyRecord = Field(default_factory=TallyRecord)
    carrier_down: str | None = None
    revived: bool = False


class CampaignInput(Record):
    """Run one campaign; ``state`` is there when the run continues an earlier one.

    ``local_books`` has steps in the books done within a workflow task, by local activities;
    campaigns that were begun before there was any go on without.
    """

    campaign_id: str
    title: str
    total: int
    dialect: str
    receipts_grace_seconds: float = 60.0
    chunks_at_once: int = 4
    local_books: bool = False
    state: CampaignState | None = None


class RescheduleInput(Record):
    """Begin at another instant; one that has passed means now."""

    at: Instant


class ChangeSpreadInput(Record):
    """Spread over another number of hours; with ``at``, begin then as well, in one change."""

    hours: float
    at: Instant | None = None


class CampaignResult(Record):
    """How the campaign ended."""

    status: CampaignStatus
    tally: TallyRecord


class Progress(Record):
    """Where the campaign stands now; counts are as of the last chunk that reported."""

    status: CampaignStatus
    tally: TallyRecord
    waves: int
    next_wave_at: Instant | None = None
    next_wave_count: int = 0
    carrier_down: str | None = None


class WebhookDeliveryState(Record):
    """What a courier's next run must know: how often in a row its destination was tired."""

    strikes: int = 0
    rest_until: Instant | None = None
    calls: int = 0
    delivered: int = 0


class WebhookDeliveryInput(Record):
    """Bring one destination its callbacks; ``state`` is there when the run continues another."""

    destination: str
    state: WebhookDeliveryState | None = None


class WebhookDeliveryResult(Record):
    """What a courier did until nothing was waiting any more."""

    calls: int
    delivered: int
