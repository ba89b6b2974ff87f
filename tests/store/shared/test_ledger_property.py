"""Whatever is done in whatever order, the books are those of a ledger kept by hand."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaign.credits import PRICES, CreditKind, MessageKind, Price
from campaign.handoffs import Receipt
from campaign.states import GIVEN_UP, CampaignStatus, MessageStatus
from store.accounts.accounts import Balance
from store.campaigns.audit import audit
from store.store import Store
from tests.store.builders import ALL, NOW, StoreBuilder, outcome

FUNDS = 60
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["hold", "send", "fail", "doubt", "put off", "receive", "cancel", "grant"]),
        st.integers(0, 3),
        st.integers(1, 8),
    ),
    max_size=25,
)
_names = count()


@dataclass
class Ledger:
    """The expected books: what each message costs, and where its credits are."""

    granted: int = FUNDS
    held: Counter[CreditKind] = field(default_factory=Counter)
    posted: Counter[CreditKind] = field(default_factory=Counter)

    def balance(self, kind: CreditKind) -> Balance:
        held, posted = self.held[kind], self.posted[kind]
        return Balance(self.granted, self.granted - held - posted, held, posted)

    def hold(self, price: Price) -> bool:
        if any(price.of(kind) > self.balance(kind).available for kind in CreditKind):
            return False
        self.move(price, self.held, 1)
        return True

    def move(self, price: Price, pot: Counter[CreditKind], sign: int) -> None:
        for kind in CreditKind:
            pot[kind] += sign * price.of(kind)


class Walk:
    """One random walk: every step is taken in the store and in the ledger by hand."""

    def __init__(self, store: Store) -> None:
        account, _ = store.accounts.create(f"walker {next(_names)}", 0, FUNDS, FUNDS)
        self.builder = StoreBuilder(store, account.id)
        self.ledger = Ledger()
        self.campaigns: list[tuple[str, MessageKind]] = []
        self.settled: set[str] = set()
        self.steps = 0

    def step(self, verb: str, which: int, size: int) -> None:
        self.steps += 1
        if verb == "hold":
            self.hold(size, MessageKind.MMS if which % 2 else MessageKind.SMS)
        elif verb == "grant":
            grant = self.builder.store.accounts.grant
            for credit in CreditKind:
                grant(self.builder.account_id, credit, size, f"step {self.steps}", NOW)
            self.ledger.granted += size
        elif self.campaigns:
            campaign, kind = self.campaigns[which % len(self.campaigns)]
            act: dict[str, Callable[[str, MessageKind, int], object]] = {
                "send": self.send,
                "fail": lambda *where: self.end(MessageStatus.FAILED, *where),
                "doubt": lambda *where: self.end(MessageStatus.UNKNOWN, *where),
                "put off": lambda *where: self.end(MessageStatus.RETRYABLE, *where),
                "receive": self.receive,
                "cancel": self.cancel,
            }
            act[verb](campaign, kind, size)

    def hold(self, size: int, kind: MessageKind) -> None:
        prefix = f"{self.builder.account_id}-{self.steps}"
        composed = self.builder.composed(size, kind=kind, prefix=prefix)
        store = self.builder.store
        assert store.campaigns.save(composed, prefix).created
        refusal = store.admissions.hold(prefix, NOW)
        assert (refusal is None) is self.ledger.hold(PRICES[kind] * size)
        if refusal is None:
            store.campaigns.set_status(prefix, CampaignStatus.SCHEDULED, NOW)
            self.campaigns.append((prefix, kind))
        else:
            store.campaigns.refuse(prefix, [refusal], NOW)

    def send(self, campaign: str, kind: MessageKind, size: int) -> None:
        sent = self.end(MessageStatus.SENT, campaign, kind, size)
        self.pay(kind, sent)

    def end(self, status: MessageStatus, campaign: str, kind: MessageKind, size: int) -> int:
        claimed = self.builder.flush_and_claim(campaign, claim=size).claimed
        due_at = NOW if status is MessageStatus.RETRYABLE else None
        ends = [
            outcome(one.position, status, one.attempt, due_at=due_at, code="x") for one in claimed
        ]
        self.builder.write(campaign, *ends)
        return len(claimed)

    def receive(self, campaign: str, kind: MessageKind, size: int) -> None:
        # A receipt proves the handoff of what may have left, put off or in doubt.
        statuses = self.builder.statuses(campaign)[:size]
        proved = statuses.count("unknown") + statuses.count("retryable")
        news = [Receipt(f"{campaign}-{n}", MessageStatus.DELIVERED, NOW) for n in range(size)]
        self.builder.store.receipts.apply(news)
        self.pay(kind, proved)

    def cancel(self, campaign: str, kind: MessageKind, size: int) -> None:
        store = self.builder.store
        store.campaigns.cancel_rest(campaign, NOW)
        store.admissions.settle(campaign, CampaignStatus.CANCELLED, NOW)
        if campaign not in self.settled:
            self.settled.add(campaign)
            given_up = sum(self.builder.statuses(campaign).count(status) for status in GIVEN_UP)
            self.ledger.move(PRICES[kind] * given_up, self.ledger.held, -1)

    def pay(self, kind: MessageKind, messages: int) -> None:
        self.ledger.move(PRICES[kind] * messages, self.ledger.held, -1)
        self.ledger.move(PRICES[kind] * messages, self.ledger.posted, 1)

    def check(self) -> None:
        for kind in CreditKind:
            balance = self.builder.balance(kind)
            assert balance == self.ledger.balance(kind)
            assert balance.granted == balance.available + balance.held + balance.posted


# One store serves all examples: each has an account of its own.
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_random_walks_keep_the_books(any_store: Store, steps: list[tuple[str, int, int]]) -> None:
    walk = Walk(any_store)
    for verb, which, size in steps:
        walk.step(verb, which, size)
        walk.check()
    for campaign, kind in walk.campaigns:
        walk.cancel(campaign, kind, ALL)
    walk.check()
    assert audit(any_store.database).findings == ()
