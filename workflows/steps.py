"""Steps in the books: written down by the server before they are done, or done on the spot."""

from typing import Any

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from activities.options import bookkeeping, bookkeeping_here
from activities.records import CampaignRef


class Books:
    """One campaign's books; ``local`` lets steps that may be done twice be local activities.

    Campaigns that were begun before there were any go on without.
    """

    def __init__(self, campaign_id: str, local: bool) -> None:
        self._ref = CampaignRef(campaign_id=campaign_id)
        self._local = local

    async def book(self, activity: Any, summary: str, input: Any = None) -> Any:
        """Do a step that answers the same when it is done again, whatever was asked meanwhile.

        Only such a step may be local: what became of it is written with the whole workflow task,
        so after a crash it is done again, beside signals and updates that it did not meet before.
        One that fails, because the store is away say, becomes a step of the server's, which is
        patient without growing the history. ``order`` is what the activity is asked, the campaign
        alone when it is None, and ``summary`` its label in the Web UI.
        """
        if self._local:
            try:
                return await workflow.execute_local_activity_method(
                    activity, input or self._ref, **bookkeeping_here(summary)
                )
            except FailureError as failure:
                if is_cancelled_exception(failure):
                    raise
                workflow.logger.warning("not done within the workflow task: %s", summary)
        return await self.change(activity, summary, input)

    async def change(self, activity: Any, summary: str, input: Any = None) -> Any:
        """Do a step whose place among the others matters, so it is written down before."""
        return await workflow.execute_activity_method(
            activity, input or self._ref, **bookkeeping(summary)
        )
