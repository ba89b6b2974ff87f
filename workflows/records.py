"""What goes into and comes out of the workflows."""

from dataclasses import dataclass, field
from typing import Self

from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator
from temporalio.exceptions import ApplicationError

from activities.records import Record, Verdict
from campaign.instants import Instant
from campaign.ports import Tally
from campaign.states import CampaignStatus


@dataclass
class CampaignState:
    """Everything that a run must know to go on where the last one ended; kept up to date in place.

    ``pauses`` counts the changes of the plan: pauses made up for, other starts and spreads.
    ``problem`` says why the campaign needs a person. A ``revived`` run takes the place of one that
    Temporal lost: it begins paused, unless the campaign has ended in the store. ``order`` is the
    number of the newest order that it knows.
    """

    status: CampaignStatus = CampaignStatus.DRAFT
    verdict: Verdict | None = None
    first_due_at: Instant | None = None
    last_due_at: Instant | None = None
    paused_at: Instant | None = None
    cancelling: bool = False
    pauses: int = 0
    waves: int = 0
    tally: Tally = field(default_factory=Tally)
    carrier_down: str | None = None
    problem: str | None = None
    revived: bool = False
    order: Instant = 0

    @property
    def admitted(self) -> bool:
        """Whether the campaign was admitted."""
        return self.verdict is not None and self.verdict.admitted


class WorkflowInput(Record):
    """What a workflow is started with; one that somebody mistyped by hand fails its workflow.

    Any other error of a conversion only fails the workflow task, which is tried again.
    """

    @model_validator(mode="wrap")
    @classmethod
    def _check(cls, data: object, read: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return read(data)
        except ValidationError as error:
            kinds = sorted({fault["type"] for fault in error.errors(include_input=False)})
            raise _invalid(cls, ", ".join(kinds)) from None

    @staticmethod
    def is_missing(input: object) -> bool:
        """Tell whether the input is null, which the SDK passes on whatever the type is."""
        return input is None

    @classmethod
    def check(cls, input: object) -> None:
        """Raise the same ApplicationError for an input of null."""
        if cls.is_missing(input):
            raise _invalid(cls, "null")


def _invalid(model: type, fault: str) -> ApplicationError:
    what = f"the input is no {model.__name__}: {fault}"
    return ApplicationError(what, type="InvalidInput", non_retryable=True)


class CampaignInput(WorkflowInput):
    """Run one campaign; ``state`` is there when the run continues an earlier one.

    ``revision`` says which steps the campaign takes (see workflows.steps); campaigns keep the one
    that they were started with. ``local_books`` is what revision 1 was before there were numbers.
    A campaign that ``prepares`` has no messages yet: they are written first, page by page.
    """

    campaign_id: str
    title: str
    total: int
    dialect: str
    receipts_grace_seconds: float = 60.0
    chunks_at_once: int = 4
    local_books: bool = False
    revision: int = 0
    state: CampaignState | None = None
    prepares: bool = False


class OrderInput(Record):
    """An order in the store: its number, and how long the campaign has been paused by then."""

    number: Instant
    paused_for: Instant = 0


class RescheduleInput(Record):
    """Begin at another instant (milliseconds since 1970); one that has just passed means now."""

    at: Instant


class ChangeSpreadInput(Record):
    """Spread over another number of hours; with ``at``, begin then as well, in one change."""

    hours: float
    at: Instant | None = None


class CampaignResult(Record):
    """How the campaign ended."""

    status: CampaignStatus
    tally: Tally


class Progress(Record):
    """Where the campaign stands now; counts are as of the last chunk that reported."""

    status: CampaignStatus
    tally: Tally
    waves: int
    next_wave_at: Instant | None = None
    next_wave_count: int = 0
    carrier_down: str | None = None


class WebhookDeliveryState(Record):
    """What the next run must know: how often in a row the endpoint was overloaded."""

    strikes: int = 0
    rest_until: Instant | None = None
    calls: int = 0
    delivered: int = 0


class WebhookDeliveryInput(WorkflowInput):
    """Deliver an endpoint's events; ``state`` is there when the run continues another."""

    destination: str
    state: WebhookDeliveryState | None = None


class WebhookDeliveryResult(Record):
    """What was delivered until nothing waited any more."""

    calls: int
    delivered: int
