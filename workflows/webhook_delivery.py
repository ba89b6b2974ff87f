"""One webhook endpoint as a durable workflow: deliver what is due, wait, rest when overloaded."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.options import webhook_delivery_options
    from activities.records import DeliverInput, DeliverResult
    from activities.webhook_delivery import WebhookDeliveries
    from campaign.instants import SECOND, Instant, iso

from workflows.records import WebhookDeliveryInput, WebhookDeliveryResult, WebhookDeliveryState
from workflows.timers import now, wait_until

# Calls of one activity: the history grows by one activity for so many.
CALLS_MAX = 500
# An overloaded endpoint gets one call after 1, 2, 4 ... seconds, up to this many.
REST_SECONDS_MAX = 300


@workflow.defn(name="Courier")
class WebhookDeliveryWorkflow:
    """Delivers an account's events to one endpoint, for as long as any wait.

    The store alone knows what waits; the next event or the reconciler starts a workflow that was
    lost. Each endpoint has its own, so that a slow one delays no other.
    """

    @workflow.init
    def __init__(self, input: WebhookDeliveryInput) -> None:
        if WebhookDeliveryInput.is_missing(input):
            return  # See CampaignWorkflow.
        self.input = input
        self.state = input.state or WebhookDeliveryState()
        self.notified = False

    @workflow.signal(name="wake", description="Events are due: deliver them.")
    def notify(self) -> None:
        """End the wait for what is due; a rest is not cut short."""
        self.notified = True

    @workflow.run
    async def run(self, input: WebhookDeliveryInput) -> WebhookDeliveryResult:
        """Deliver until nothing is waiting."""
        WebhookDeliveryInput.check(input)
        while True:
            await self._rest()
            self.notified = False
            round_of_calls = await self._deliver()
            if round_of_calls.next_due_at is None and not self.notified:
                return WebhookDeliveryResult(calls=self.state.calls, delivered=self.state.delivered)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self.input.model_copy(update={"state": self.state}))
            if round_of_calls.next_due_at is not None and not self.notified:
                await self._wait(round_of_calls.next_due_at)

    async def _deliver(self) -> DeliverResult:
        calls_max = 1 if self.state.strikes else CALLS_MAX
        round_of_calls = await workflow.execute_activity_method(
            WebhookDeliveries.deliver,
            DeliverInput(destination=self.input.destination, calls_max=calls_max),
            **webhook_delivery_options(
                "call once, to see whether it answers"
                if self.state.strikes
                else "deliver what is due"
            ),
        )
        strikes, rest_until = self.state.strikes, None
        if round_of_calls.overloaded:
            strikes += 1
            seconds = min(2 ** min(strikes - 1, 20), REST_SECONDS_MAX)
            rest_until = max(now() + seconds * SECOND, round_of_calls.rest_until or 0)
        elif round_of_calls.calls:
            strikes = 0
        self.state = WebhookDeliveryState(
            strikes=strikes,
            rest_until=rest_until,
            calls=self.state.calls + round_of_calls.calls,
            delivered=self.state.delivered + round_of_calls.delivered,
        )
        self._show(round_of_calls.next_due_at)
        return round_of_calls

    async def _rest(self) -> None:
        """Leave an overloaded endpoint alone, whatever events come in."""
        wait = (self.state.rest_until or 0) - now()
        if wait > 0:
            await workflow.sleep(timedelta(milliseconds=wait), summary="let the endpoint rest")

    async def _wait(self, due_at: Instant) -> None:
        await wait_until(due_at, lambda: self.notified, "until the next delivery is due")

    def _show(self, next_due_at: Instant | None) -> None:
        lines = [f"**{self.state.calls:,}** calls, **{self.state.delivered:,}** delivered"]
        if next_due_at is not None:
            lines.append(f"next due {iso(next_due_at)}")
        if self.state.rest_until is not None:
            lines.append(f"resting until {iso(self.state.rest_until)}")
        workflow.set_current_details(" · ".join(lines))
