"""A small world round the real core: one account, its campaigns, a carrier, and leaping time.

The world does what the campaign's workflow does, with the same activities on the same store; it
has no Temporal, so that it can stop anything at any line.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from temporalio.testing import ActivityEnvironment

from activities.admission import Admission
from activities.breaker import Breaker
from activities.lifecycle import Lifecycle
from activities.planning import Planning
from activities.records import (
    CampaignRef,
    SettleInput,
)
from campaign.credits import MessageKind
from campaign.handoffs import Handoff, Receipt, Repeats
from campaign.instants import DAY, Instant, moment_of
from campaign.model import ComposedCampaign, Draft, DraftRecipient, Message
from campaign.orders import Order
from campaign.ports import ChunkRange
from campaign.schedule import Wave
from campaign.settings import Settings
from campaign.states import CAMPAIGN_ENDS, CampaignStatus, MessageStatus
from store.store import open_store
from tests.core.carrier import ModelCarrier
from tests.core.faults import CRASHES, Fate
from tests.core.leaping import LeapingLoop, Time
from tests.core.orders import Orders
from tests.core.tale import Tale
from tests.core.worker import NO_ACCIDENT, Accident, Worker

START: Instant = 20_000 * DAY
SENDER = "+18005559876"
FUNDS = 45
CHUNK_SIZE = 3
UNKNOWN_ROUNDS = 3


class World:
    """One account's campaigns and everything that happens to them."""

    def __init__(self, database: Path, repeats: Repeats) -> None:
        self.time = Time(START)
        self.store = open_store(
            Settings(
                database_url=f"sqlite:///{database}",
                secret_key=SecretStr("a secret for tests"),
                carrier="model",
            )
        )
        account, _ = self.store.accounts.create("tester", START, FUNDS, FUNDS, (SENDER,))
        self.account_id = account.id
        self.carrier = ModelCarrier(repeats, self.time, self._meanwhile)
        store = self.store
        self.planning = Planning(
            store.campaigns,
            store.plans,
            store.admissions,
            store.resolving,
            {"model": repeats},
            CHUNK_SIZE,
        )
        self.admission = Admission(store.campaigns, store.admissions, self.planning)
        self.lifecycle = Lifecycle(store.campaigns, store.admissions)
        self.orders = Orders(store, self.time, self.lifecycle, self.planning, self.act)
        self.tales: list[Tale] = []
        # What still runs campaigns whose workflow was lost and revived elsewhere.
        self.older: list[Tale] = []
        self.tale_of: dict[str, Tale] = {}
        self.key_of: dict[str, str | None] = {}
        # When each silent number opted out.
        self.opted_out: dict[str, Instant] = {}
        self._numbers = count()
        # Every process with chunks that have not ended; most of these are frozen.
        self._workers: list[Worker] = []
        self._breaker = Breaker(store.health)

    def close(self) -> None:
        """Close the database and every loop."""
        self.store.close()
        for loop in list(self.time.loops):
            loop.close()

    @property
    def now(self) -> Instant:
        """The present instant."""
        return self.time.now()

    def act(self, activity: Callable[..., Any], input: object, again: bool = False) -> Any:
        """Run an activity; ``again`` when its first answer is lost on the way."""
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, started_time=moment_of(self.now))
        if again:
            environment.run(activity, input)
        return environment.run(activity, input)

    # ------------------------------------------------------------------ campaigns

    def submit(
        self,
        recipients: Sequence[tuple[str, str | None, MessageKind]],
        start: Instant,
        apart: Instant,
        **members: Any,
    ) -> Tale | None:
        """Save a draft with a message per recipient; None when its key brought another one."""
        campaign_id = f"cmp_{next(self._numbers)}"
        messages = [
            Message(
                position=position,
                id=f"{campaign_id}-{position}",
                to=to,
                text="Your order has shipped",
                media_url="https://example.com/a.png" if kind is MessageKind.MMS else None,
                sender=SENDER,
                kind=kind,
                segments=1,
                due_at=self.now + start + position * apart,
                key=key,
            )
            for position, (to, key, kind) in enumerate(recipients)
        ]
        draft = Draft(
            account_id=self.account_id,
            dialect="native",
            recipients=[DraftRecipient(to=message.to) for message in messages],
            spread_hours=0.1 if apart else 0.0,
            **members,
        )
        saved = self.store.campaigns.save(ComposedCampaign(draft, messages, self.now), campaign_id)
        if not saved.created:
            return None
        tale = Tale(
            campaign_id, draft.key, draft.unknown_policy == "resend", draft.exclude_opt_outs
        )
        self.tales.append(tale)
        for message in messages:
            self.tale_of[message.id], self.key_of[message.id] = tale, message.key
        return tale

    def admit(self, tale: Tale, again: bool) -> None:
        """Judge, hold and plan, as the workflow does at its beginning."""
        ref = CampaignRef(campaign_id=tale.id)
        verdict = self.act(self.admission.validate_campaign, ref, again)
        if verdict.admitted:
            verdict = self.act(self.admission.hold_credits, ref, again)
        if verdict.admitted:
            verdict_is_late = self.act(self.admission.plan_campaign, ref, again).withdrawn
            tale.admitted = not verdict_is_late
        tale.ended = not tale.admitted

    def waves(self, tale: Tale) -> Sequence[Wave]:
        """What the campaign would do next."""
        waves: Sequence[Wave] = self.act(
            self.planning.find_next_waves, CampaignRef(campaign_id=tale.id)
        ).waves
        return waves

    def opt_out(self, number: str) -> None:
        """A stop word arrives and is committed."""
        self.store.opt_outs.add(self.account_id, number, "inbound", self.now)
        self.opted_out.setdefault(number, self.now)

    def opt_in(self, number: str) -> None:
        """A start word arrives and is committed."""
        self.store.opt_outs.remove(self.account_id, number)
        self.opted_out.pop(number, None)

    def finish(self, tale: Tale, again: bool) -> None:
        """Take the next step of a campaign that has nothing waiting: doubts first, then the end."""
        ref = CampaignRef(campaign_id=tale.id)
        unknowns = self.store.campaigns.tally(tale.id).unknown
        if unknowns and tale.cancelled_at is None and tale.unknown_rounds < UNKNOWN_ROUNDS:
            tale.unknown_rounds += 1
            if self.act(self.planning.requeue_unknown, ref, again):
                return
            tale.unknown_rounds = UNKNOWN_ROUNDS
        input = SettleInput(campaign_id=tale.id, cancelled=tale.cancelled_at is not None)
        tale.ended = self.act(self.lifecycle.settle_campaign, input, again).status in CAMPAIGN_ENDS
        if not tale.ended:
            self.orders.follow(tale)

    # ------------------------------------------------------------------ chunks

    def work(
        self,
        tales: Sequence[Tale],
        accident: Accident = NO_ACCIDENT,
        twice: bool = False,
    ) -> bool:
        """Run what is due of these campaigns at once, in one process; False when nothing is.

        With ``twice`` every chunk is run by a second attempt at the same time, as when the
        first is wrongly taken for dead. A process that freezes is taken for dead: no order
        reaches it any more, and it goes on with what it was doing when it wakes.
        """
        if accident.fates:
            self.carrier.suffer(accident.fates)
        worker = Worker(self.time, self.store.sending, self.carrier, accident)
        self._workers.append(worker)
        has_work = False
        for tale in tales:
            if tale.cancelled_at is not None:
                self.act(self.lifecycle.cancel_waiting, CampaignRef(campaign_id=tale.id))
            for wave in self.waves(tale)[:1]:
                if wave.fire_at <= self.now:
                    is_first = tale.waves == 0 and tale.cancelled_at is None
                    if is_first and not wave.begins:
                        self.orders.set_status(tale, CampaignStatus.RUNNING)
                    tale.waves += 1
                    has_work = True
                    for low, high in wave.chunks * (2 if twice else 1):
                        chunk = ChunkRange(tale.id, low, high, wave.due_until)
                        token = f"attempt {next(self._numbers)}"
                        worker.start(tale, chunk, token, self._breaker, is_first and wave.begins)
        self.time.run_until(lambda: worker.is_done or worker.loop.is_frozen)
        for tale in tales:
            tale.stops.clear()
        self._bury()
        return has_work

    def pass_by(self, milliseconds: Instant) -> None:
        """Let time pass, and with it whatever is due."""
        self.time.pass_by(milliseconds)
        self._bury()

    def wake_all(self) -> None:
        """Let time pass until no process is frozen and all have ended what they were doing."""
        self.time.run_until(lambda: all(worker.is_done for worker in self._workers))
        self._bury()

    def _bury(self) -> None:
        for worker in [worker for worker in self._workers if worker.is_done]:
            self._workers.remove(worker)
            for tale in worker.end():
                # A worker that was taken for dead is not heard any more.
                if not worker.loop.was_frozen and not tale.ended:
                    self.orders.follow(tale)

    def _meanwhile(self, fate: Fate, handoff: Handoff, loop: LeapingLoop) -> None:
        """What happens in the middle of a request, besides what the carrier does."""
        tale = self.tale_of[handoff.reference]
        if fate in CRASHES:
            for worker in self._workers:
                if worker.loop is loop:
                    worker.store.die()
        elif fate is Fate.STOP_WORD:
            self.opt_out(handoff.to)
        elif fate is Fate.SHUTDOWN:
            tale.stop()
        elif fate is Fate.CANCEL and tale.is_open:
            self.orders.give(tale, Order.CANCEL)
        elif fate is Fate.PAUSE and tale.is_open:
            self.orders.give(tale, Order.PAUSE)
        elif fate is Fate.RECEIPT_FIRST:
            self.receive(handoff.reference)

    def receive(self, *references: str, **members: Any) -> None:
        """Receipts come, in this order."""
        values = {"status": MessageStatus.DELIVERED, "at": self.now, **members}
        self.store.receipts.apply([Receipt(reference, **values) for reference in references])
