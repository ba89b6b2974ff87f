"""Steps in the books: written down by the server before they are done, or done on the spot."""

from typing import Any

from temporalio import workflow

from activities.options import bookkeeping, bookkeeping_here
from activities.orders import CampaignRef


class Books:
    """One campaign's books; ``local`` lets steps that may be done twice be local activities.

    Campaigns that were begun before there were any go on without.
    """

    def __init__(self, campaign_id: str, local: bool) -> None:
        self._ref = CampaignRef(campaign_id=campaign_id)
        self._local = local

    async def book(self, activity: Any, summary: str, order: Any = None) -> Any:
        """Do a step that answers the same when it is done again, whatever was asked meanwhile.

        Only such a step may be local: what became of it is written with the whole workflow task,
        so after a crash it is done again, beside signals and updates that it did not meet before.
        ``order`` is what the activity is asked, the campaign alone when it is None, and
        ``summary`` its label in the Web UI.
        """
        if not self._local:
            return await self.change(activity, summary, order)
        return await workflow.execute_local_activity_method(
            activity, order or self._ref, **bookkeeping_here(summary)
        )

    async def change(self, activity: Any, summary: str, order: Any = None) -> Any:
        """Do a step whose place among the others matters, so it is written down before."""
        return await workflow.execute_activity_method(
            activity, order or self._ref, **bookkeeping(summary)
        )
