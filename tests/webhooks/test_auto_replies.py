"""STOP is confirmed and HELP is answered once a day, and never to a number that stopped before."""

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from campaign.credits import CreditKind
from campaign.deliveries import DeliveryOutcome, DeliveryVerdict
from campaign.failures import ServiceUnavailable
from campaign.instants import DAY, HOUR, Instant
from campaign.keywords import Keyword, KeywordSettings, OptOutEvidence
from campaign.model import Draft
from campaign.prices import STANDARD_PRICES
from campaign.refusals import Refusal, RefusalCode, Refused
from store.store import Store
from tests.store.builders import NOW, SENDER, StoreBuilder, number
from tests.store.conftest import account, any_settings, any_store, builder
from webhooks.auto_replies import AutoReplier

__all__ = ["account", "any_settings", "any_store", "builder"]

STOP, START, HELP = Keyword.STOP, Keyword.START, Keyword.HELP
SETTINGS = KeywordSettings(stop_reply="{{ACCOUNT}}: you get no more texts.", help_reply="Call us.")
DELIVERED = DeliveryOutcome(DeliveryVerdict.DELIVERED, "texted")


@dataclass
class Service:
    """A service that takes drafts, or raises."""

    error: Exception | None = None
    drafts: list[Draft] = field(default_factory=list)

    async def admit(self, draft: Draft) -> object:
        """Take a draft in."""
        if self.error is not None:
            raise self.error
        self.drafts.append(draft)
        return None


class Others:
    """The sender of all other deliveries."""

    async def deliver(self, callback_id: str, now: Instant) -> DeliveryOutcome:
        """Say that it was asked."""
        return DeliveryOutcome(DeliveryVerdict.GONE, "other")


def text_of(
    builder: StoreBuilder, kind: Keyword, id: str, at: Instant = NOW, to: str = number(1)
) -> None:
    """A text of a person arrives."""
    evidence = OptOutEvidence("inbound", "pretend", SENDER, kind.value)
    builder.store.opt_outs.apply(builder.account_id, to, kind, at, id, evidence, at)


def waiting(store: Store) -> list[str]:
    """The ids of the deliveries that were written, in order."""
    query = "SELECT id FROM callback ORDER BY created_at, id"
    return store.database.read(lambda connection: list(connection.exec_driver_sql(query).scalars()))


async def deliver(store: Store, service: Service, callback_id: str) -> DeliveryOutcome:
    """Try one delivery."""
    replier = AutoReplier(store, service, cast(Any, Others()), 10.0, STANDARD_PRICES)
    return await replier.deliver(callback_id, NOW)


async def test_a_stop_is_confirmed_from_the_number_that_was_written_to(
    builder: StoreBuilder,
) -> None:
    store, service = builder.store, Service()
    store.keywords.set(builder.account_id, SETTINGS)
    notified: list[object] = []
    store.outbox.on_commit = notified.extend
    text_of(builder, STOP, "in_1")
    (callback_id,) = waiting(store)
    assert len(notified) == 1
    assert await deliver(store, service, callback_id) == DELIVERED
    (draft,) = service.drafts
    (recipient,) = draft.recipients
    assert (recipient.to, recipient.sender) == (number(1), SENDER)
    assert recipient.text == "tester: you get no more texts."
    assert not draft.exclude_opt_outs
    # A second try has the same key, so that the service sends nothing more.
    await deliver(store, service, callback_id)
    assert service.drafts[1].key == draft.key
    assert (await deliver(store, service, "cbk_other")).code == "other"


def test_a_number_gets_one_answer_of_a_kind_a_day(builder: StoreBuilder) -> None:
    store = builder.store
    store.keywords.set(builder.account_id, SETTINGS)
    for hour in range(30):
        text_of(builder, HELP, f"help_{hour}", NOW + hour * HOUR)
    assert len(waiting(store)) == 2
    for hour in range(3):
        text_of(builder, STOP, f"stop_{hour}", NOW + 2 * hour * HOUR, number(2))
        text_of(builder, START, f"start_{hour}", NOW + (2 * hour + 1) * HOUR, number(2))
    assert len(waiting(store)) == 3
    text_of(builder, STOP, "next day", NOW + DAY, number(2))
    assert len(waiting(store)) == 4


def test_a_number_that_stopped_before_gets_nothing(builder: StoreBuilder) -> None:
    store = builder.store
    store.opt_outs.add(builder.account_id, number(1), "api", NOW)
    store.keywords.set(builder.account_id, SETTINGS)
    text_of(builder, STOP, "a", NOW + 1)
    text_of(builder, HELP, "b", NOW + 2)
    # A late STOP that a START undid opts nobody out.
    text_of(builder, START, "c", NOW + 4, number(2))
    text_of(builder, STOP, "d", NOW + 3, number(2))
    assert waiting(store) == []


def test_the_same_text_again_is_answered_once(builder: StoreBuilder) -> None:
    builder.store.keywords.set(builder.account_id, SETTINGS)
    for _ in range(2):
        text_of(builder, STOP, "in_1")
        text_of(builder, HELP, "in_2", to=number(2))
    assert len(waiting(builder.store)) == 2


def test_without_settings_help_is_answered_and_stop_is_left_to_the_carrier(
    builder: StoreBuilder,
) -> None:
    store = builder.store
    text_of(builder, HELP, "a")
    (callback_id,) = waiting(store)
    answer = store.auto_replies.read(callback_id)
    assert answer is not None and answer.text is not None
    assert answer.text.startswith("tester: reply STOP")
    text_of(builder, STOP, "b")
    assert waiting(store) == [callback_id]
    # An opt-out by the account itself is no text, and has no answer.
    store.keywords.set(builder.account_id, SETTINGS)
    store.opt_outs.add(builder.account_id, number(3), "api", NOW)
    assert waiting(store) == [callback_id]


@pytest.mark.parametrize("paid", [False, True])
async def test_an_answer_is_free_of_charge_unless_the_account_pays(
    builder: StoreBuilder, paid: bool
) -> None:
    store = builder.store
    store.keywords.set(builder.account_id, replace(SETTINGS, replies_paid=paid))
    text_of(builder, STOP, "in_1")
    (callback_id,) = waiting(store)
    before = builder.balance(CreditKind.SMS)
    for _ in range(2):
        await deliver(store, Service(), callback_id)
    after = builder.balance(CreditKind.SMS)
    assert after.granted - before.granted == (0 if paid else 2)
    refused = Refused(Refusal(RefusalCode.SENDER_NOT_OWNED, "gone"))
    gone = DeliveryOutcome(DeliveryVerdict.GONE, "sender_not_owned")
    assert await deliver(store, Service(refused), callback_id) == gone
    assert builder.balance(CreditKind.SMS) == before


async def test_an_answer_waits_for_a_service_that_is_away_and_ends_when_none_is_wanted(
    builder: StoreBuilder,
) -> None:
    store = builder.store
    store.keywords.set(builder.account_id, SETTINGS)
    text_of(builder, STOP, "in_1")
    (callback_id,) = waiting(store)
    outcome = await deliver(store, Service(ServiceUnavailable("away")), callback_id)
    assert outcome.verdict is DeliveryVerdict.FAILED
    store.keywords.set(builder.account_id, replace(SETTINGS, stop_reply=""))
    outcome = await deliver(store, Service(), callback_id)
    assert outcome == DeliveryOutcome(DeliveryVerdict.GONE, "not_wanted")
