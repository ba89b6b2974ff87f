"""Prepare a large campaign: write and validate its messages in pages, then pay for all of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from temporalio import activity

from activities.admission import Admission
from activities.clock import Clocks
from activities.heartbeat import heartbeating
from activities.records import AdmitCampaignResult, CampaignRef
from campaign.failures import Interrupted
from campaign.instants import Instant
from campaign.model import LISTED_MAX, Part
from campaign.ports import AdmissionStore, CampaignStore, PlanStore
from campaign.preparation import (
    PAGE_SIZE,
    ComposePage,
    MemberStore,
    Preparation,
    PreparationStore,
    next_page,
)
from campaign.refusals import SHOWN_MAX, Refusal, RefusalCode, Refused
from campaign.rules import JUDGEMENT


class Preparing:
    """The activity that prepares. What it has done is in the store, so any worker goes on with it.

    Two at once do no harm: each page is written and validated once.
    """

    def __init__(
        self,
        preparations: PreparationStore,
        lists: MemberStore,
        campaigns: CampaignStore,
        admissions: AdmissionStore,
        plans: PlanStore,
        admission: Admission,
        compose: ComposePage,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self._preparations = preparations
        self._lists = lists
        self._campaigns = campaigns
        self._admissions = admissions
        self._plans = plans
        self._admission = admission
        self._compose = compose
        self._page_size = page_size
        self._clocks = Clocks()

    @activity.defn
    async def prepare_campaign(self, input: CampaignRef) -> AdmitCampaignResult:
        """Write, validate and pay for the messages of a campaign, or refuse it; run again, go on.

        Nothing is held before every message is written and validated. Raises Interrupted when the
        worker goes down.
        """
        stop, clock = asyncio.Event(), self._clocks.clock()
        async with heartbeating(stop):
            while not stop.is_set():
                if not await asyncio.to_thread(self.step, input.campaign_id, clock.now()):
                    return await asyncio.to_thread(self._admission.result, input)
        raise Interrupted("the worker goes down")

    def step(self, campaign_id: str, now: Instant) -> bool:
        """Prepare one page, or end the preparation; False when nothing is left to do."""
        at = self._preparations.get(campaign_id)
        if at is None:
            if (refusals := self._campaigns.stored_refusals(campaign_id)) is not None:
                self._refuse(campaign_id, now, refusals)  # It may have been interrupted.
            return False
        # With nothing to cancel, the campaign would count as finished.
        if at.cancelled and at.written:
            self._preparations.give_up(campaign_id)
            return False
        if at.validated < at.written:
            self._validate(campaign_id, at, now)
        elif not self._write_page(campaign_id, at, now):
            self._end(campaign_id, at, now)
        return True

    def _write_page(self, campaign_id: str, at: Preparation, now: Instant) -> bool:
        """Compose and write the next page; False if there is none."""
        people, following = next_page(at.draft, at.cursor, self._lists, self._page_size)
        if not people:
            return False
        if at.written + len(people) > LISTED_MAX:
            what = f"at most {LISTED_MAX} recipients are allowed, and the lists have grown"
            refusal = Refusal(RefusalCode.TOO_MANY_RECIPIENTS, what, "recipients")
            self._refuse(campaign_id, now, [refusal])
            return True
        part = Part(at.written, at.expected)
        try:
            composed = self._compose(replace(at.draft, recipients=people), part, at.received_at)
        except Refused as refused:
            self._refuse(campaign_id, now, refused.refusals)
        else:
            self._preparations.write_page(campaign_id, at, composed, following)
        return True

    def _validate(self, campaign_id: str, at: Preparation, now: Instant) -> None:
        """Hold what is written against the rules; the money and the quota as far as it is known.

        Those two are decided at the end; a campaign that cannot be paid for is refused sooner.
        """
        evidence = self._admissions.evidence(campaign_id, now, (at.validated, at.written))
        to_send = at.to_send + evidence.to_send
        total = at.price + evidence.price
        evidence = replace(evidence, to_send=to_send)
        refusals = [refusal for check in JUDGEMENT for refusal in check(evidence)]
        if (fault := at.draft.credits_max.fault_of(total)) is not None:
            refusals.append(fault)
        if (fault := self._preparations.lacking(campaign_id, total)) is not None:
            refusals.append(fault)
        if refusals:
            self._refuse(campaign_id, now, refusals)
        else:
            self._preparations.set_validated(campaign_id, at, to_send, total)

    def _end(self, campaign_id: str, at: Preparation, now: Instant) -> None:
        """Hold the price of the whole and let the campaign leave, or refuse it."""
        if not at.written:
            what = "the lists have no members any more"
            self._refuse(campaign_id, now, [Refusal(RefusalCode.LIST_EMPTY, what, "recipients")])
            return
        if at.draft.spread_hours > 0:
            evidence = self._admissions.spread_evidence(campaign_id, now)
            if refusals := [refusal for check in JUDGEMENT for refusal in check(evidence)]:
                self._refuse(campaign_id, now, refusals)
                return
        if (refusal := self._admissions.hold(campaign_id, now)) is not None:
            self._refuse(campaign_id, now, [refusal])
            return
        base_at = self._admissions.plan_facts(campaign_id).base_at
        if at.draft.spread_hours > 0 and (late := now - base_at) > 0:
            # What would have left meanwhile does not leave at once: the plan moves, one time.
            self._plans.shift(campaign_id, 1, late)
        self._preparations.finish(campaign_id, now)

    def _refuse(self, campaign_id: str, now: Instant, refusals: Sequence[Refusal]) -> None:
        self._campaigns.refuse(campaign_id, refusals[:SHOWN_MAX], now)
