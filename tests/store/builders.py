"""Campaigns for store tests, made and moved in few words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from sqlalchemy import text

from campaign.credits import CreditKind, MessageKind
from campaign.handoffs import Inbound
from campaign.instants import DAY, SECOND, Instant
from campaign.model import ComposedCampaign, Draft, DraftRecipient, Message
from campaign.ports import ChunkRange, ClaimResult, Outcome
from campaign.states import CampaignStatus, MessageStatus
from store.accounts.accounts import Balance
from store.store import Store

NOW: Instant = 20_000 * DAY
LEASE: Instant = 15 * SECOND
GRANTED = 100_000
SENDER = "+18005559876"
ALL = 1_000_000


def number(position: int) -> str:
    """The recipient at a position."""
    return f"+1415555{position:04d}"


def outcome(
    position: int,
    status: MessageStatus = MessageStatus.SENT,
    attempt: int = 1,
    at: Instant = NOW,
    code: str | None = None,
    due_at: Instant | None = None,
    carrier_id: str | None = None,
) -> Outcome:
    """How an attempt ended; sent unless said otherwise."""
    return Outcome(position, attempt, status, at, carrier_id, code, due_at)


@dataclass
class StoreBuilder:
    """One account's campaigns. Every campaign has message ids ``<campaign>-<position>``."""

    store: Store
    account_id: str
    _numbers: Iterator[int] = field(default_factory=count)

    def composed(
        self,
        size: int = 3,
        key: str | None = None,
        keys: Sequence[str | None] = (),
        payload: str = "a",
        now: Instant = NOW,
        due_at: Instant | None = None,
        kind: MessageKind = MessageKind.SMS,
        hard: bool = False,
        prefix: str = "m",
        **members: object,
    ) -> ComposedCampaign:
        """A composed draft; ``keys`` are its first recipients' idempotency keys."""
        due = now if due_at is None else due_at
        messages = [
            Message(
                position=position,
                id=f"{prefix}-{position}",
                to=number(position),
                text=f"Order {position} has shipped",
                media_url="https://example.com/a.png" if kind is MessageKind.MMS else None,
                sender=SENDER,
                kind=kind,
                segments=1,
                due_at=due,
                scheduled_at=due if hard else None,
                key=keys[position] if position < len(keys) else None,
            )
            for position in range(size)
        ]
        named = {"dialect": "native", "name": "a campaign", "payload_hash": payload}
        values: dict[str, object] = {**named, **members}
        draft = Draft(
            account_id=self.account_id,
            recipients=[DraftRecipient(to=message.to) for message in messages],
            key=key,
            **values,  # type: ignore[arg-type]
        )
        return ComposedCampaign(draft, messages, now)

    def save(self, size: int = 3, **members: object) -> str:
        """Store a draft; its id."""
        campaign_id = f"cmp_{next(self._numbers)}"
        composed = self.composed(size, prefix=campaign_id, **members)  # type: ignore[arg-type]
        assert self.store.campaigns.save(composed, campaign_id).created
        return campaign_id

    def admit(self, size: int = 3, now: Instant = NOW, **members: object) -> str:
        """Store a draft, hold its price and let it run; its id."""
        campaign_id = self.save(size, now=now, **members)
        assert self.store.admissions.hold(campaign_id, now) is None
        self.store.campaigns.set_status(campaign_id, CampaignStatus.SCHEDULED, now)
        self.store.campaigns.set_status(campaign_id, CampaignStatus.RUNNING, now)
        return campaign_id

    def flush_and_claim(
        self,
        campaign_id: str,
        outcomes: Sequence[Outcome] = (),
        claim: int = ALL,
        token: str = "t",
        now: Instant = NOW,
        low: int = 0,
        high: int = ALL,
        store: Store | None = None,
        begins: bool = False,
    ) -> ClaimResult:
        """One transaction of a chunk, over the whole campaign unless said otherwise."""
        chunk = ChunkRange(campaign_id, low, high, due_until=now)
        sending = (store or self.store).sending
        return sending.flush_and_claim(chunk, token, outcomes, claim, now, now + LEASE, begins)

    def claimed(self, campaign_id: str, **members: object) -> list[int]:
        """Claim, and say which positions were won."""
        outcome = self.flush_and_claim(campaign_id, **members)  # type: ignore[arg-type]
        return [handoff.position for handoff in outcome.claimed]

    def write(self, campaign_id: str, *outcomes: Outcome, token: str = "t") -> None:
        """Write outcomes and claim nothing."""
        self.flush_and_claim(campaign_id, outcomes, claim=0, token=token)

    def owners(self, number: str) -> list[str]:
        """The accounts that get a text to this number of theirs, in order."""
        text_to = Inbound("+14155559876", number, "Hello", NOW)
        taken = self.store.inbound.take(text_to, "pretend", NOW)
        return [message.account_id for message in taken.messages]

    def send(self, campaign_id: str, now: Instant = NOW) -> list[int]:
        """Claim all that is due and write every one of them as sent; their positions."""
        claimed = self.flush_and_claim(campaign_id, now=now).claimed
        sent = [outcome(one.position, attempt=one.attempt, at=now) for one in claimed]
        self.write(campaign_id, *sent)
        return [one.position for one in claimed]

    def statuses(self, campaign_id: str) -> list[str]:
        """Where each message stands, by position."""
        messages = self.store.campaigns.messages(campaign_id, limit=ALL)
        return [message.status.value for message in messages]

    def balance(self, kind: CreditKind = CreditKind.SMS) -> Balance:
        """The account's credits of one kind."""
        view = self.store.accounts.show(self.account_id)
        assert view is not None
        return view.balances[kind]

    def money(self, kind: CreditKind = CreditKind.SMS) -> tuple[int, int, int]:
        """Available, held and posted; checked to sum to what was granted."""
        balance = self.balance(kind)
        amounts = (balance.available, balance.held, balance.posted)
        assert sum(amounts) == balance.granted
        return amounts

    def execute(self, statement: str, **values: object) -> int:
        """Run raw SQL in a transaction; how many rows it touched."""
        return self.store.database.write(
            lambda connection: connection.execute(text(statement), values).rowcount
        )

    def value(self, query: str, **values: object) -> object:
        """The first column of the first row of a raw query, None without a row."""
        return self.store.database.read(
            lambda connection: connection.execute(text(query), values).scalar()
        )
