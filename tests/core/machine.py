"""Everything that can happen to campaigns, in any order, and what must hold all the while."""

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from campaign.handoffs import Repeats
from campaign.instants import DAY, HOUR, MINUTE, SECOND
from campaign.orders import Order
from campaign.rates import campaign_scope, carrier_scope, sender_scope
from campaign.refusals import Refusal, RefusalCode
from campaign.settings import Settings
from campaign.states import MessageStatus
from store.database.migrate import upgrade
from store.store import open_store
from tests.core.moves import accidents, again, arrives, drafts, numbers, rates, rounds, which
from tests.core.tale import Tale
from tests.core.truths import check, check_begin, watch
from tests.core.worker import NO_ACCIDENT, Accident
from tests.core.world import SENDER, UNKNOWN_ROUNDS, World

MEMORY = Path("/dev/shm")
TALES_MAX = 12
STEPS_TO_THE_END = 80
ABANDONED = Refusal(RefusalCode.ABANDONED, "it was not judged in time")

_template: list[Path] = []


def template() -> Path:
    """A migrated database that every example gets a copy of."""
    if not _template:
        directory = Path(tempfile.mkdtemp(prefix="godwit-core-", dir=_memory()))
        store = open_store(Settings(database_url=f"sqlite:///{directory / 'template.db'}"))
        upgrade(store.database)
        watch(store.database)
        store.close()
        atexit.register(shutil.rmtree, directory, ignore_errors=True)
        _template.append(directory)
    return _template[0] / "template.db"


def _memory() -> Path | None:
    return MEMORY if MEMORY.is_dir() else None


class CoreMachine(RuleBasedStateMachine):
    """The core with a carrier of one nature; see the subclasses in test_core.py."""

    repeats: Repeats

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="godwit-core-", dir=_memory()))
        database = self.directory / "godwit.db"
        shutil.copy(template(), database)
        self.world = World(database, self.repeats)
        self.lied: set[str] = set()
        self.seen = 0

    # ------------------------------------------------------------------ campaigns

    @initialize(orders=st.lists(drafts, min_size=3, max_size=3), rate=rates)
    def begin(self, orders: list[dict[str, Any]], rate: float | None) -> None:
        self.set_rate(rate, 0, "carrier")
        for input in orders:
            self.submit_one(input, again=False)

    @precondition(lambda self: len(self.world.tales) < TALES_MAX)
    @rule(draft=drafts, now=st.sampled_from([True, True, True, False]), again=again)
    def submit(self, draft: dict[str, Any], now: bool, again: bool) -> None:
        self.submit_one(draft, again, now)

    def submit_one(self, draft: dict[str, Any], again: bool, now: bool = True) -> Tale | None:
        tale = self.world.submit(**draft)
        if tale is not None and now:
            self.world.admit(tale, again)
        return tale

    @precondition(lambda self: self.drafts())
    @rule(which=which, again=again, withdrawn=st.booleans())
    def check(self, which: int, again: bool, withdrawn: bool) -> None:
        tale = pick(self.drafts(), which)
        if withdrawn:
            self.world.store.campaigns.refuse(tale.id, [ABANDONED], self.world.now)
        self.world.admit(tale, again)
        assert tale.ended or not withdrawn

    @precondition(lambda self: len(self.world.tales) < TALES_MAX)
    @rule(draft=drafts, accident=accidents, twice=again, rounds=rounds)
    def submit_and_work(
        self, draft: dict[str, Any], accident: Accident, twice: bool, rounds: int
    ) -> None:
        tale = self.submit_one(draft, again=False)
        if tale in self.going():
            self.work_on(tale, accident, twice, rounds)

    @precondition(lambda self: self.going())
    @rule(accident=accidents, which=which, twice=again, rounds=rounds)
    def work_on_one(self, accident: Accident, which: int, twice: bool, rounds: int) -> None:
        self.work_on(pick(self.going(), which), accident, twice, rounds)

    def work_on(self, tale: Tale, accident: Accident, twice: bool, rounds: int) -> None:
        self.work([tale], accident, twice)
        for _ in range(rounds):
            if tale in self.going():
                self.work([tale])

    @precondition(lambda self: self.going())
    @rule(accident=accidents, rounds=rounds)
    def work_on_all(self, accident: Accident, rounds: int) -> None:
        self.work(self.going(), accident)
        for _ in range(rounds):
            self.work(self.going())

    def work(
        self,
        tales: list[Tale],
        accident: Accident = NO_ACCIDENT,
        twice: bool = False,
    ) -> None:
        """Wait for whatever of these is due next, and do it."""
        due = [wave.fire_at for tale in tales for wave in self.world.waves(tale)[:1]]
        if due and min(due) > self.world.now:
            self.world.pass_by(min(due) - self.world.now)
        self.world.work(tales, accident, twice)

    @precondition(lambda self: self.going() or self.paused())
    @rule(which=which, cancel=st.sampled_from([False, False, True]), arrives=arrives)
    def order(self, which: int, cancel: bool, arrives: bool) -> None:
        tale = pick(self.going() + self.paused(), which)
        order = Order.CANCEL if cancel else Order.PAUSE if tale.held_since is None else Order.RESUME
        self.world.orders.give(tale, order, arrives)

    @precondition(lambda self: self.going() or self.paused())
    @rule(which=which)
    def bring_again(self, which: int) -> None:
        self.world.orders.bring(pick(self.going() + self.paused(), which))

    @precondition(lambda self: self.going() or self.paused())
    @rule(which=which, remains=st.booleans())
    def lose_workflow(self, which: int, remains: bool) -> None:
        older = self.world.orders.lose(pick(self.going() + self.paused(), which))
        if remains:
            self.world.older.append(older)

    @precondition(lambda self: self.older())
    @rule(accident=accidents, which=which)
    def go_on_with_older(self, accident: Accident, which: int) -> None:
        tale = pick(self.older(), which)
        if self.is_idle(tale):
            self.world.finish(tale, again=False)
        else:
            self.work([tale], accident)

    @precondition(lambda self: self.world.tales)
    @rule(rate=rates, which=which, scope=st.sampled_from(["carrier", "sender", "campaign"]))
    def change_rate(self, rate: float | None, which: int, scope: str) -> None:
        self.set_rate(rate, which, scope)

    def set_rate(self, rate: float | None, which: int, scope: str) -> None:
        name = {
            "carrier": lambda: carrier_scope(self.world.carrier.name),
            "sender": lambda: sender_scope(self.world.account_id, SENDER),
            "campaign": lambda: campaign_scope(pick(self.world.tales, which).id),
        }[scope]()
        self.world.store.rates.set_rate(name, rate)

    @precondition(lambda self: self.not_begun())
    @rule(
        which=which,
        hours=st.sampled_from([0.0, 0.01, 1.5]),
        start=st.sampled_from([None, 0, HOUR]),
        again=again,
    )
    def spread(self, which: int, hours: float, start: int | None, again: bool) -> None:
        self.world.orders.spread(pick(self.not_begun(), which), hours, start, again)

    @precondition(lambda self: self.idle())
    @rule(which=which, again=again)
    def finish(self, which: int, again: bool) -> None:
        self.world.finish(pick(self.idle(), which), again)

    # ------------------------------------------------------------------ from outside

    @rule(by=st.sampled_from([SECOND, 20 * SECOND, HOUR, DAY, 47 * HOUR + 58 * MINUTE, 10 * DAY]))
    def advance(self, by: int) -> None:
        self.world.pass_by(by)

    @precondition(lambda self: self.world.carrier.log)
    @rule(
        whiches=st.lists(which, min_size=1, max_size=4),
        status=st.sampled_from([MessageStatus.DELIVERED, MessageStatus.UNDELIVERED]),
        late=st.sampled_from([0, -MINUTE]),
    )
    def receive(self, whiches: list[int], status: MessageStatus, late: int) -> None:
        references = [pick(self.world.carrier.log, which).reference for which in whiches]
        self.world.receive(
            *references, "nobody", *references, status=status, at=self.world.now + late
        )

    @rule(number=numbers, start=st.booleans())
    def read_word(self, number: str, start: bool) -> None:
        if start:
            self.world.opt_in(number)
        else:
            self.world.opt_out(number)

    @precondition(lambda self: self.world.carrier.repeats is Repeats.NONE)
    @rule(which=which, is_right=st.sampled_from([True, True, True, False]))
    def resolve(self, which: int, is_right: bool) -> None:
        store = self.world.store
        unknown = [
            (tale.id, message.id)
            for tale in self.world.tales
            for message in store.campaigns.messages(tale.id, MessageStatus.UNKNOWN)
            if not self.world.carrier.under_way.get(message.id)
        ]
        if unknown:
            campaign, message = pick(unknown, which)
            was_sent = bool(self.world.carrier.accepted(message)) is is_right
            if not is_right:
                self.lied.add(message)
            store.resolving.resolve(campaign, message, was_sent, self.world.now)

    # ------------------------------------------------------------------ what must hold

    @invariant()
    def everything_is_accounted_for(self) -> None:
        check(self.world, self.lied)
        for one in self.world.carrier.log[self.seen :]:
            check_begin(self.world, one)
        self.seen = len(self.world.carrier.log)

    def teardown(self) -> None:
        try:
            self.tell_the_end()
        finally:
            self.world.close()
            shutil.rmtree(self.directory, ignore_errors=True)

    def tell_the_end(self) -> None:
        """Left alone with a carrier in good health, every campaign comes to its end."""
        self.world.wake_all()
        for tale in self.going() + self.paused():
            self.world.orders.bring(tale)
            if tale.held_since is not None:
                self.world.orders.give(tale, Order.RESUME)
        for _ in range(STEPS_TO_THE_END):
            if not self.going():
                break
            for tale in self.idle():
                self.world.finish(tale, again=False)
            self.work(self.going())
        assert self.going() == [], "a campaign never ends"
        self.everything_is_accounted_for()
        for tale in self.world.tales:
            if tale.admitted and self.repeats is not Repeats.NONE:
                self.leaves_no_needless_unknown(tale)

    def leaves_no_needless_unknown(self, tale: Tale) -> None:
        """Where the carrier can tell, only what must not be repeated stays unknown."""
        # Another run of the campaign may have asked often enough.
        if tale.was_lost or tale.cancelled_at is not None or tale.unknown_rounds >= UNKNOWN_ROUNDS:
            return
        for message in self.world.store.campaigns.messages(tale.id, MessageStatus.UNKNOWN):
            assert tale.heeds_opt_outs and message.to in self.world.opted_out

    # ------------------------------------------------------------------ which campaigns

    def drafts(self) -> list[Tale]:
        return [tale for tale in self.world.tales if not tale.admitted and not tale.ended]

    def going(self) -> list[Tale]:
        return [tale for tale in self.world.tales if tale.is_open and tale.paused_at is None]

    def paused(self) -> list[Tale]:
        return [tale for tale in self.world.tales if tale.is_open and tale.paused_at is not None]

    def older(self) -> list[Tale]:
        """Memories of campaigns that were revived elsewhere, and that still go on."""
        return [tale for tale in self.world.older if tale.is_open and tale.paused_at is None]

    def not_begun(self) -> list[Tale]:
        """Campaigns whose plan may still change."""
        waiting = self.going() + self.paused()
        return [tale for tale in waiting if tale.waves == 0 and tale.cancelled_at is None]

    def idle(self) -> list[Tale]:
        """Campaigns of which nothing is waiting and nothing was left behind."""
        return [tale for tale in self.going() if self.is_idle(tale)]

    def is_idle(self, tale: Tale) -> bool:
        if tale.cancelled_at is not None:
            self.world.store.campaigns.cancel_rest(tale.id, self.world.now)
        return not self.world.waves(tale)


def pick(choices: Any, which: int) -> Any:
    """One of several, by a number of any size."""
    return choices[which % len(choices)]
