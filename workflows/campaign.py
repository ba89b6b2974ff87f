"""The durable story of one campaign, from admission to the last receipt."""

import asyncio
from itertools import chain, repeat
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.ledger import Ledger
    from activities.planning import Planning
    from activities.records import (
        ChunkResult,
        RespreadPlanInput,
        RespreadPlanResult,
        SetStatusInput,
        SettleInput,
        ShiftPlanInput,
        TallyRecord,
        Verdict,
        WaveRecord,
    )
    from activities.reporting import Reporting
    from campaign.instants import SECOND, Instant
    from campaign.states import CAMPAIGN_ENDS, CampaignStatus
    from workflows import admission as beginning
    from workflows import plan_changes as rescheduling
    from workflows import timers as hold_point
    from workflows import visibility as showing
    from workflows.chunks import Chunks
    from workflows.records import (
        CampaignInput,
        CampaignResult,
        CampaignState,
        ChangeSpreadInput,
        Progress,
        RescheduleInput,
    )
    from workflows.steps import Books

UNKNOWN_ROUNDS = 3
UNKNOWN_WAIT_SECONDS = 15.0
# The patch since which a plan that moved while it was looked up is looked up again.
LOOK_AGAIN = "look-again"
RECEIPT_WAITS_SECONDS = (1, 2, 4, 8, 15, 30, 60, 120, 300, 600)


@workflow.defn(name="Campaign")
class CampaignWorkflow:
    """Admits a campaign, waits, sends in waves, retries, settles and reports.

    It counts and waits; what is due and to whom is known to the store alone. A pause costs no
    history, and whatever restarts, the rows of the store say what is left to do.
    """

    @workflow.init
    def __init__(self, input: CampaignInput) -> None:
        self.input = input
        self.books = Books(input.campaign_id, input.local_books)
        self.state = input.state or CampaignState(tally=TallyRecord(total=input.total))
        self.paused = self.state.paused_at is not None
        self.moving = False
        self.again = False
        self.cancels = 0
        self.counted: TallyRecord | None = None
        self.upcoming: list[WaveRecord] = []
        self.chunks = Chunks(input.campaign_id, input.chunks_at_once, self._held, self._count)

    # ------------------------------------------------------------------ from outside

    @workflow.update(description="Wait for the verdict on this campaign.")
    async def admission(self) -> Verdict:
        """Answer once the campaign is admitted or refused; asked again, the same."""
        await workflow.wait_condition(lambda: self.state.verdict is not None)
        assert self.state.verdict is not None
        return self.state.verdict

    @workflow.update(description="Begin at another time; possible until the first wave.")
    async def reschedule(self, input: RescheduleInput) -> Instant:
        """Move the whole plan so that it begins then, or now if that has passed; returns when."""
        at = max(input.at, hold_point.now())
        push = rescheduling.shift_to_start(self.input.campaign_id, self.state, at)
        await self._push(push, "move the plan to its new start")
        showing.tag(self.state)
        return at

    @reschedule.validator
    def _may_reschedule(self, input: RescheduleInput) -> None:
        rescheduling.refuse_reschedule(self.state, self.moving)

    @workflow.update(description="Spread over other hours; possible until the first wave.")
    async def change_spread(self, input: ChangeSpreadInput) -> Instant:
        """Lay the plan out anew, at another start if one is given; returns when it begins."""
        now = hold_point.now()
        spread = rescheduling.respread_input(self.input.campaign_id, self.state, input, now)
        label = f"spread the plan over {input.hours:g} hours"
        dues: RespreadPlanResult = await self._change(Planning.spread, spread, label)
        self._set(**dues.model_dump())
        showing.tag(self.state)
        return dues.first_due_at or now

    @change_spread.validator
    def _may_change_spread(self, input: ChangeSpreadInput) -> None:
        rescheduling.refuse_spread(input, self.state, self.moving)

    @workflow.signal(description="Stop sending until resumed; what is under way is finished.")
    def pause(self) -> None:
        """Pause; paused twice is paused once."""
        if not self.state.cancelling and self.state.status not in CAMPAIGN_ENDS:
            self.paused = True

    @workflow.signal(description="Carry on; later waves move back by the time lost.")
    def resume(self) -> None:
        """Resume; without a pause nothing happens."""
        self.paused = False

    @workflow.signal(description="Send nothing more and give back what was held for it.")
    def cancel(self) -> None:
        """Cancel; there is no way back."""
        self.cancels += 1
        self._set(cancelling=True)
        self.paused = False

    @workflow.signal(description="Failed messages were put to work again: see to them.")
    def retry(self) -> None:
        """Go on after the end; without anything to send the next end is the same."""
        if self.state.verdict is not None and self.state.verdict.admitted:
            self.again = True

    @workflow.query(description="Counts, status and the next wave.")
    def progress(self) -> Progress:
        """Where the campaign stands."""
        return showing.progress(self.state, self.upcoming[0] if self.upcoming else None)

    @workflow.query(description="The next waves, as far as they are planned.")
    def plan(self) -> list[WaveRecord]:
        """The waves that were looked up last and have not left yet."""
        return self.upcoming

    # ------------------------------------------------------------------ the story

    @workflow.run
    async def run(self, input: CampaignInput) -> CampaignResult:
        """Run the campaign to its end."""
        story = asyncio.create_task(self._tell())
        while True:
            try:
                return await asyncio.shield(story)
            except asyncio.CancelledError:
                # Cancelled through Temporal itself, at whatever point: the same as our signal.
                self.cancel()

    async def _tell(self) -> CampaignResult:
        self._show()
        if self.state.verdict is None:
            self._set(**await beginning.admission(self.books.book, self.input.total))
        while True:
            if self.state.verdict is not None and self.state.verdict.admitted:
                await self._see_through()
            await workflow.wait_condition(workflow.all_handlers_finished)
            if self.state.status in CAMPAIGN_ENDS and not self.again:
                return CampaignResult(status=self.state.status, tally=self.state.tally)

    async def _see_through(self) -> None:
        """Send, wait and settle; a retry may put the campaign to work again while that is done."""
        if self.state.status in CAMPAIGN_ENDS:
            self._set(status=CampaignStatus.RUNNING)
        await self._deliver()
        await self._await_receipts(self.input.receipts_grace_seconds)
        await self._resolve_unknowns()
        # A retry is possible only once the store has the end, and what was asked before that
        # ends with it.
        self.again, cancels = False, self.cancels
        settlement = await self.books.book(
            Ledger.settle,
            "give back what was not used, write the end",
            SettleInput(campaign_id=self.input.campaign_id, cancelled=self.state.cancelling),
        )
        self._set(
            status=settlement.status,
            tally=settlement.tally,
            cancelling=self.cancels > cancels,
        )

    async def _deliver(self) -> None:
        """Send whatever is waiting, wave by wave, until nothing is."""
        while True:
            await self.chunks.drain()
            await workflow.wait_condition(lambda: not self.moving)
            if self.state.cancelling:
                await self._call_off()
                return
            # A revived run may be resumed before its first step: its pause has to end as well.
            if self.paused or self.state.paused_at is not None:
                await self._stay_paused()
                continue
            if workflow.info().is_continue_as_new_suggested():
                await self._continue_as_new()
            moves = self.state.pauses
            planned = await self.books.book(Planning.next_waves, "look for what is due next")
            if self.state.pauses != moves and workflow.patched(LOOK_AGAIN):
                continue
            self.upcoming, self.counted = list(planned.waves), planned.tally
            if not self.upcoming:
                return
            while self.upcoming:
                wave = self.upcoming[0]
                label = f"wave {self.state.waves + 1} • {wave.count} messages"
                if not await hold_point.reach(wave.fire_at, self._held, f"until {label}"):
                    break
                self.upcoming.pop(0)
                if not await self._send_wave(wave):
                    break

    async def _call_off(self) -> None:
        """Cancel what has not left, and find out what left with a worker that died."""
        while True:
            self._set(tally=await self.books.change(Reporting.cancel_rest, "cancel what is left"))
            if workflow.info().is_continue_as_new_suggested():
                await self._continue_as_new()
            planned = await self.books.book(Planning.next_waves, "look for what was under way")
            if not planned.waves:
                return
            for wave in planned.waves:
                await self.chunks.find_out(wave)

    async def _send_wave(self, wave: WaveRecord) -> bool:
        """Send one wave; False when what comes next must be looked up anew."""
        # Counted first, because from here on the plan cannot be changed any more.
        self._set(waves=self.state.waves + 1)
        if self.state.status is CampaignStatus.SCHEDULED:
            if wave.begins:
                self._set(status=CampaignStatus.RUNNING)
            else:
                await self._mark(CampaignStatus.RUNNING)
        known_down = self.state.carrier_down is not None
        return await self.chunks.send(wave, self.state.waves, known_down)

    def _count(self, result: ChunkResult) -> None:
        self._set(tally=showing.counted(self.state.tally, result), carrier_down=result.down)

    async def _await_receipts(self, left: float) -> None:
        """Give receipts ``left`` seconds, so that the end tells delivered from undelivered."""
        for wait in chain(RECEIPT_WAITS_SECONDS, repeat(RECEIPT_WAITS_SECONDS[-1])):
            tally = self.counted or await self.books.book(Reporting.count, "count receipts")
            self.counted = None
            self._set(tally=tally)
            if tally.sent + tally.unknown == 0 or left <= 0 or self.state.cancelling:
                return
            seconds = min(wait, left)
            left -= seconds
            await hold_point.pause(seconds, lambda: self.state.cancelling, "wait for receipts")

    async def _resolve_unknowns(self) -> None:
        """Take up again what may or may not have left, where the carrier or the policy allows."""
        for _ in range(UNKNOWN_ROUNDS):
            if self.state.tally.unknown == 0 or self.state.cancelling:
                return
            label = "take up doubtful messages"
            if not await self.books.change(Planning.reopen_unknown, label):
                return
            await self._deliver()
            wait = min(self.input.receipts_grace_seconds, UNKNOWN_WAIT_SECONDS)
            await self._await_receipts(wait)

    async def _stay_paused(self) -> None:
        """Wait for resume or cancel without spending history, then push the rest back."""
        if self.state.paused_at is None:
            self.upcoming.clear()
            self._set(paused_at=hold_point.now())
            await self._mark(CampaignStatus.PAUSED)
        await workflow.wait_condition(lambda: not self.paused and not self.moving)
        lost = rescheduling.shift_by_pause(self.input.campaign_id, self.state, hold_point.now())
        if lost.by > 0 and not self.state.cancelling:
            await self._push(lost, f"move later waves back by {lost.by / SECOND:.0f} s")
        self._set(paused_at=None)
        if not self.state.cancelling:
            running = self.state.waves > 0
            await self._mark(CampaignStatus.RUNNING if running else CampaignStatus.SCHEDULED)

    async def _continue_as_new(self) -> None:
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self.input.model_copy(update={"state": self.state}))

    # ------------------------------------------------------------------ small things

    def _held(self) -> bool:
        return self.paused or self.moving or self.state.cancelling

    async def _push(self, input: ShiftPlanInput, summary: str) -> None:
        await self._change(Planning.push_back, input, summary)
        self._set(**rescheduling.pushed(self.state, input.by))

    async def _change(
        self, activity: Any, input: ShiftPlanInput | RespreadPlanInput, summary: str
    ) -> Any:
        """Change the plan; one change at a time, since each has a number."""
        self.moving = True
        try:
            output = await self.books.change(activity, summary, input)
            self._set(pauses=input.number)
            return output
        finally:
            self.moving = False

    async def _mark(self, status: CampaignStatus) -> None:
        self._set(status=status)
        label = f"write that the campaign is {status.value}"
        input = SetStatusInput(campaign_id=self.input.campaign_id, status=status)
        await self.books.change(Planning.mark, label, input)

    def _set(self, **changes: Any) -> None:
        status_before = self.state.status
        self.state = self.state.model_copy(update=changes)
        if self.state.status is not status_before:
            showing.tag(self.state)
        self._show()

    def _show(self) -> None:
        workflow.set_current_details(showing.details(self.input.title, self.state))
