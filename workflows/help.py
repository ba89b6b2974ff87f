"""A campaign that a fault of ours has stopped says so, and waits for a person."""

import asyncio
from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.lifecycle import Lifecycle
from activities.options import local_step
from activities.records import ReportProblemInput
from workflows import visibility
from workflows.records import CampaignState


class Help:
    """Asks a person for help: in the search attributes, the current details and the store.

    ``answers`` counts the resumes and cancels so far; with the next one the step is tried again.
    """

    def __init__(self, campaign_id: str, state: CampaignState, show: Callable[[], None]) -> None:
        self._campaign_id = campaign_id
        self._state = state
        self._show = show
        self.answers = 0

    async def ask(self, step: str, kind: str) -> None:
        """Show that a step failed with an error of this kind, and wait for an answer."""
        answers = self.answers
        await self._report(f"{visibility.NEEDS_HELP}:{step}:{kind}")
        try:
            await workflow.wait_condition(lambda: self.answers != answers)
        except asyncio.CancelledError:
            await self._report(None)
            raise
        await self._report(None)

    async def _report(self, problem: str | None) -> None:
        self._state.problem = problem
        visibility.tag(self._state)
        self._show()
        try:
            await workflow.execute_local_activity_method(
                Lifecycle.report_problem,
                ReportProblemInput(campaign_id=self._campaign_id, problem=problem),
                **local_step("write the problem into the store"),
            )
        except FailureError:
            # The store may be what is at fault; Temporal shows the problem in any case.
            workflow.logger.warning("the store does not have the problem: %s", problem)
