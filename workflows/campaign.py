"""One campaign as a durable workflow: validate, debit, sleep until due, send, retry, settle."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.lifecycle import Lifecycle
    from activities.planning import Planning
    from activities.records import CampaignRef, ChunkResult, NextWavesResult, SettleInput, Verdict
    from campaign.ports import Tally
    from campaign.schedule import Wave
    from campaign.states import CAMPAIGN_ENDS, CampaignStatus

from workflows import timers, visibility
from workflows.admission import admit, prepare
from workflows.canary import CanaryWait
from workflows.cancellation import as_signal
from workflows.chunks import Chunks
from workflows.help import Help
from workflows.orders import Orders
from workflows.plan_changes import PlanChanges
from workflows.plan_updates import PlanUpdates
from workflows.receipts import Receipts
from workflows.records import (
    CampaignInput,
    CampaignResult,
    CampaignState,
    OrderInput,
    Progress,
)
from workflows.steps import LAST_CHUNKS, LOCAL_STEPS, NAMED_STEPS, Steps

UNKNOWN_ROUNDS = 3
UNKNOWN_WAIT_SECONDS = 15.0
# The patch since which revisions 0 and 1 look again for waves when the plan moved meanwhile.
LOOK_AGAIN = "look-again"


@workflow.defn(name="Campaign")
class CampaignWorkflow(PlanUpdates):
    """Runs one campaign from its admission to its settlement.

    The workflow waits and counts; the store alone knows what is due and to whom. A pause adds
    nothing to the history, and after any restart the rows of the store say what is left to do.
    """

    @workflow.init
    def __init__(self, input: CampaignInput) -> None:
        if CampaignInput.is_missing(input):
            return  # An error here would leave the SDK a coroutine that nobody awaits.
        self.input = input
        self.ref = CampaignRef(campaign_id=input.campaign_id)
        self.revision = input.revision or (LOCAL_STEPS if input.local_books else 0)
        self.state = input.state or CampaignState(tally=Tally(total=input.total))
        self.retried = False
        self.is_last_chunk = False
        self.upcoming: list[Wave] = []
        self.help = Help(input.campaign_id, self.state, self._show)
        self.steps = Steps(self.revision, self.help.ask)
        self.orders = Orders(self.ref, self.state, self.steps, self.help, self._become)
        self.receipts = Receipts(self.steps, self.ref, self.state, self._show)
        self.changes = PlanChanges(input.campaign_id, self.state, self.steps, self._show)
        self.canary = CanaryWait(self.changes, self.orders, self._held)
        self.chunks = Chunks(
            input.campaign_id, input.chunks_at_once, self._held, self._count, self.help.ask
        )

    # ------------------------------------------------------------------ the campaign

    @workflow.run
    async def run(self, input: CampaignInput) -> CampaignResult:
        """Run the campaign to its end; cancelling the workflow is the same as its signal."""
        CampaignInput.check(input)
        return await as_signal(self._run(), self.cancel)

    async def _run(self) -> CampaignResult:
        self._show()
        if self.state.revived and not await self.orders.begin_paused():
            return CampaignResult(status=self.state.status, tally=self.state.tally)
        if self.state.verdict is None:
            await self._validate_and_debit()
        while True:
            if self.state.admitted:
                await self._send_all()
                await self.receipts.wait(self.input.receipts_grace_seconds)
                await self._resolve_unknown()
                await self._settle()
            await workflow.wait_condition(workflow.all_handlers_finished)
            if self.state.status in CAMPAIGN_ENDS and not self.retried:
                return CampaignResult(status=self.state.status, tally=self.state.tally)

    async def _validate_and_debit(self) -> None:
        """Validate the campaign, hold its credits and fix its plan, or refuse it."""
        if self.input.prepares:
            self._become(CampaignStatus.PREPARING)
            admitted = await prepare(self.steps, self.ref)
        else:
            admitted = await admit(self.steps, self.ref, self.revision, self.input.total)
        state, plan = self.state, admitted.plan
        state.verdict, state.tally = admitted.verdict, admitted.tally
        if plan is not None and admitted.verdict.admitted:
            state.first_due_at, state.last_due_at = plan.first_due_at, plan.last_due_at
            state.pauses = plan.pauses
            if admitted.next is not None:
                self._follow(admitted.next)
        status = CampaignStatus.SCHEDULED if admitted.verdict.admitted else CampaignStatus.REFUSED
        self._become(status, tags=not self._begins_now())

    async def _send_all(self) -> None:
        """Sleep until each wave is due and send it, until nothing waits; retries come as waves."""
        if self.state.status in CAMPAIGN_ENDS:
            self._become(CampaignStatus.RUNNING)
        while (wave := await self._next_wave()) is not None:
            label = f"wave {self.state.waves + 1} • {wave.count} messages"
            if await timers.wait_until(wave.fire_at, self._held, f"until {label}"):
                self.upcoming.pop(0)
                await self._send_wave(wave)
            else:
                self.upcoming.clear()

    async def _next_wave(self) -> Wave | None:
        """Look for what is due next; None when nothing waits or the campaign was cancelled."""
        while self._held() or not self.upcoming:
            await self.chunks.drain()
            await workflow.wait_condition(lambda: not self.changes.moving)
            if self.orders.behind:
                self.upcoming.clear()
                if await self.orders.follow() in CAMPAIGN_ENDS:
                    return None
                continue
            if self.state.cancelling:
                await self._cancel_waiting()
                return None
            if self.receipts.all_sent:
                return None
            if self.orders.paused or self.state.paused_at is not None:
                if not await self._is_all_sent():
                    await self._stay_paused()
                continue
            if workflow.info().is_continue_as_new_suggested():
                await self._continue_as_new()
            changes = self.state.pauses
            planned = await self.steps.look(
                Planning.find_next_waves, self.ref, "look for what is due next", self._held
            )
            if planned is None or (self.state.pauses != changes and self._looks_again()):
                continue
            if planned.canary_until is not None:
                await self.canary.wait(planned.canary_until)
                continue
            self._follow(planned)
            if not self.upcoming:
                return None
        return self.upcoming[0]

    async def _is_all_sent(self) -> bool:
        """Tell whether a pause came after the last message, when there is nothing to hold back."""
        if self.is_last_chunk:
            self.is_last_chunk = False
            self.state.tally = await self.steps.run(Lifecycle.count_messages, self.ref, "count")
            self.receipts.all_sent = self.state.tally.is_all_sent
        return self.receipts.all_sent

    def _follow(self, planned: NextWavesResult) -> None:
        """Take the waves and the counts that the store has; a reset run knows less."""
        self.upcoming = list(planned.waves)
        self.receipts.follow(planned)
        self.state.tally = planned.tally or self.state.tally
        self._show()

    async def _send_wave(self, wave: Wave) -> None:
        """Send one wave; what it could not send is looked up anew."""
        # Counted first, because from here on the plan cannot be changed any more.
        self.state.waves += 1
        if self.state.status is CampaignStatus.SCHEDULED:
            if wave.begins:
                self._become(CampaignStatus.RUNNING)
            else:
                await self.orders.set_status(CampaignStatus.RUNNING)
        known_down = self.state.carrier_down is not None
        is_last = not self.upcoming and not self.receipts.decides_canary
        self.is_last_chunk = is_last and self.revision >= LAST_CHUNKS
        seconds = self.input.receipts_grace_seconds if self.is_last_chunk else None
        if not await self.chunks.send(wave, self.state.waves, known_down, seconds):
            self.upcoming.clear()

    async def _resolve_unknown(self) -> None:
        """Requeue messages in state ``unknown`` where the carrier or the policy allows it."""
        for _ in range(UNKNOWN_ROUNDS):
            if self.state.tally.unknown == 0 or self.state.cancelling:
                return
            label = "requeue unknown messages"
            if not await self.steps.run_in_order(Planning.requeue_unknown, self.ref, label):
                return
            await self._send_all()
            await self.receipts.wait(min(self.input.receipts_grace_seconds, UNKNOWN_WAIT_SECONDS))

    async def _settle(self) -> None:
        """Void the credits that were not used and write the end, unless a retry came between."""
        # A retry is possible only once the store has the end; one asked for before ends with it.
        self.retried, cancels = False, self.orders.cancels
        settled = await self.steps.run(
            Lifecycle.settle_campaign,
            SettleInput(campaign_id=self.input.campaign_id, cancelled=self.state.cancelling),
            "void unused credits and write the end",
        )
        self.state.tally = settled.tally
        self.state.cancelling = self.orders.cancels > cancels
        self._become(settled.status)

    async def _cancel_waiting(self) -> None:
        """Cancel what has not left, and find out what left with a worker that died."""
        while True:
            self.state.tally = await self.steps.run_in_order(
                Lifecycle.cancel_waiting, self.ref, "cancel what waits"
            )
            self._show()
            if workflow.info().is_continue_as_new_suggested():
                await self._continue_as_new()
            planned = await self.steps.run(
                Planning.find_next_waves, self.ref, "look for what was under way"
            )
            if not planned.waves:
                return
            for wave in planned.waves:
                await self.chunks.find_out(wave)

    async def _stay_paused(self) -> None:
        """Wait for resume or cancel without spending history, then move the rest by the pause."""
        state = self.state
        if state.paused_at is None:
            self.upcoming.clear()
            state.paused_at = timers.now() - self.orders.paused_for
            await self.orders.set_status(CampaignStatus.PAUSED)
        await workflow.wait_condition(
            lambda: self.orders.behind or not (self.orders.paused or self.changes.moving)
        )
        if self.orders.behind:
            return
        await self.changes.make_up_for_pause()
        state.paused_at = None
        if not state.cancelling:
            running = state.waves > 0
            await self.orders.set_status(
                CampaignStatus.RUNNING if running else CampaignStatus.SCHEDULED
            )

    async def _continue_as_new(self) -> None:
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(self.input.model_copy(update={"state": self.state}))

    # ------------------------------------------------------------------ from outside

    @workflow.update(description="Wait for the verdict on this campaign.")
    async def admission(self) -> Verdict:
        """Answer once the campaign is admitted or refused; asked again, the same."""
        await workflow.wait_condition(lambda: self.state.verdict is not None)
        assert self.state.verdict is not None
        return self.state.verdict

    @workflow.signal(description="Stop sending until resumed; requests under way are finished.")
    def pause(self, order: OrderInput | None = None) -> None:
        """Pause; paused twice is paused once."""
        self.orders.pause(order)

    @workflow.signal(description="Go on after a pause or a problem; later waves move back.")
    def resume(self, order: OrderInput | None = None) -> None:
        """Resume; without a pause or a problem nothing happens."""
        self.orders.resume(order)

    @workflow.signal(description="Send nothing more and give back the credits held for it.")
    def cancel(self, order: OrderInput | None = None) -> None:
        """Cancel; there is no way back."""
        self.orders.cancel(order)
        self._show()

    @workflow.signal(description="Resume the campaign after failed messages were requeued.")
    def retry(self) -> None:
        """Go on after the end; without anything to send the next end is the same."""
        if self.state.admitted:
            self.retried = True

    @workflow.query(description="Counts, status and the next wave.")
    def progress(self) -> Progress:
        """Where the campaign stands."""
        return visibility.progress(self.state, self.upcoming[0] if self.upcoming else None)

    @workflow.query(description="The next waves, as far as they are planned.")
    def plan(self) -> list[Wave]:
        """The waves that were looked up last and have not left yet."""
        return self.upcoming

    def _held(self) -> bool:
        orders = self.orders
        return orders.paused or orders.behind or self.changes.moving or self.state.cancelling

    def _looks_again(self) -> bool:
        return self.revision >= NAMED_STEPS or workflow.patched(LOOK_AGAIN)

    def _count(self, result: ChunkResult) -> None:
        self.state.tally = result.tally or visibility.counted(self.state.tally, result)
        self.receipts.take(result.tally, result.waited_seconds)
        self.state.carrier_down = result.down
        self.orders.behind = self.orders.behind or result.held
        self._show()

    def _begins_now(self) -> bool:
        """Tell whether the campaign runs within this very workflow task."""
        first = self.upcoming[0] if self.upcoming else None
        due = first is not None and first.begins and first.fire_at <= timers.now()
        return due and self.revision >= LAST_CHUNKS and not self._held()

    def _become(self, status: CampaignStatus, tags: bool = True) -> None:
        changed = self.state.status is not status
        self.state.status = status
        if changed and tags:
            visibility.tag(self.state)
        self._show()

    def _show(self) -> None:
        workflow.set_current_details(visibility.details(self.input.title, self.state))
