"""Retries of ended campaigns: requeued and paid for in the store, then brought to a workflow."""

import asyncio
from dataclasses import replace

from campaign.failures import ServiceUnavailable
from campaign.instants import Instant
from campaign.model import ComposedCampaign
from campaign.refusals import Refused
from campaign.retry import EVERYTHING, RetrySelection
from campaign.routing import SANDBOX
from campaign.states import CampaignStatus
from campaign.views import CampaignView
from service.composition import CampaignComposer
from service.lost_workflows import LostWorkflows
from service.orders import SIGNAL_SECONDS, StateConflict
from service.text_edits import TOO_OLD, TRIES_MAX, compose_texts
from store.campaigns.retry import Retried, RetryAnswer
from store.campaigns.text_edits import UnsentMoved
from store.store import Store
from telemetry.logs import get_logger

log = get_logger("godwit.service")

# Why a campaign is not retried: the code and the sentence of the answer.
NOT_AGAIN = {
    Retried.RUNS: (
        "campaign_runs",
        "the campaign has not ended; messages that were put off come again by themselves",
    ),
    Retried.NOTHING: (
        "nothing_failed",
        "no message failed for a reason that may pass",
    ),
}
NOTHING_MATCHES = ("nothing_failed", "no failed message matches what is to be retried")


class Retries:
    """Retries campaigns; several processes at once do no harm."""

    def __init__(self, store: Store, lost: LostWorkflows, composer: CampaignComposer) -> None:
        self._store = store
        self._lost = lost
        self._composer = composer

    async def retry(self, view: CampaignView, wanted: RetrySelection = EVERYTHING) -> int:
        """Send again, and pay for anew, the failed messages that are wanted; returns their number.

        Raises Refused with every fault of the request, or if credits are missing, and StateConflict
        when there is nothing to send again. It begins when Temporal answers. While it runs, another
        call changes nothing and returns 0.
        """
        carriers = (SANDBOX,) if view.sandbox else self._store.routes.carriers
        faults = list(wanted.faults(carriers))
        if faults:
            raise Refused(*faults)
        now = await asyncio.to_thread(self._store.clock.now)
        answer = await asyncio.to_thread(self._requeue, view, wanted, now)
        latest = await asyncio.to_thread(self._store.campaigns.get, view.id)
        assert latest is not None
        if answer.result is Retried.ENDED:
            raise StateConflict(latest.status)
        if answer.result in NOT_AGAIN:
            nothing_matches = answer.result is Retried.NOTHING and wanted != EVERYTHING
            why = NOTHING_MATCHES if nothing_matches else NOT_AGAIN[answer.result]
            raise StateConflict(latest.status, *why)
        if latest.status is CampaignStatus.RUNNING:
            # A run that is just ending gets the signal, and a new one begins where there is none.
            try:
                async with asyncio.timeout(SIGNAL_SECONDS):
                    await self._lost.start_retried(view.id)
            except (ServiceUnavailable, TimeoutError) as error:
                log.warning(
                    "the retry is in the store and will be started",
                    campaign=view.id,
                    reason=str(error),
                )
        return answer.messages

    def _requeue(self, view: CampaignView, wanted: RetrySelection, now: Instant) -> RetryAnswer:
        if wanted.text is None:
            return self._store.retrying.retry(view.id, now, wanted)
        for _ in range(TRIES_MAX):
            composed = self._composed(view, wanted, wanted.text, now)
            try:
                return self._store.retrying.retry(view.id, now, wanted, composed)
            except UnsentMoved:
                continue
        raise ServiceUnavailable("its messages changed meanwhile; ask again")

    def _composed(
        self, view: CampaignView, wanted: RetrySelection, text: str, now: Instant
    ) -> ComposedCampaign | None:
        """Compose and validate the new texts; None if nothing matches. Raises Refused."""
        template, messages = self._store.retrying.failed(view.id, wanted)
        if not messages:
            return None
        if template is None:
            raise StateConflict(view.status, *TOO_OLD)
        template = replace(template, text=text)
        try:
            return compose_texts(self._store, self._composer, view, template, messages, now)
        except Refused as refused:
            # The request has one text, and no recipients at which a fault could point.
            alike = {(each.code, each.message): each for each in refused.refusals}
            faults = [replace(each, place="text", details={}) for each in alike.values()]
            raise Refused(*faults) from None
