"""The updates by which a campaign's plan changes while it waits or runs."""

from temporalio import workflow

from activities.records import LimitsInput
from campaign.instants import Instant
from workflows.plan_changes import PlanChanges
from workflows.records import ChangeSpreadInput, RescheduleInput


class PlanUpdates:
    """A part of the campaign's workflow: each update is checked, and then made by ``changes``."""

    changes: PlanChanges

    @workflow.update(description="Begin at another time; possible until the first wave.")
    async def reschedule(self, input: RescheduleInput) -> Instant:
        """Move the whole plan so that it begins then, or now if that has passed; returns when."""
        return await self.changes.begin_at(input)

    @reschedule.validator
    def _check_reschedule(self, input: RescheduleInput) -> None:
        self.changes.check_start(input)

    @workflow.update(description="Spread over other hours; possible until the first wave.")
    async def change_spread(self, input: ChangeSpreadInput) -> Instant:
        """Lay the plan out anew, at another start if one is given; returns when it begins."""
        return await self.changes.spread_over(input)

    @change_spread.validator
    def _check_spread(self, input: ChangeSpreadInput) -> None:
        self.changes.check_spread(input)

    @workflow.update(description="Change the window or the expiry of what has not left.")
    async def change_limits(self, input: LimitsInput) -> Instant:
        """Move what waits into another window, or let it expire at another time; returns when it
        begins, or goes on.
        """
        return await self.changes.limit(input)

    @change_limits.validator
    def _check_limits(self, input: LimitsInput) -> None:
        self.changes.check_limits()
