"""Replies to leased numbers: kept once, forwarded while the lease lasts."""

from itertools import count

import pytest

from campaign.events import EndpointMethod, EventEndpoint
from campaign.handoffs import Inbound
from campaign.inbound import INBOUND_PREFIX, InboundMessage
from campaign.instants import DAY, MINUTE, SECOND, Instant
from campaign.leases import LEASE_FOR, LeaseRequest
from campaign.replies import ReplyChannel, ReplyOptions
from store.accounts.accounts import AccountView
from store.store import Store
from tests.store.builders import NOW, StoreBuilder
from tests.store.racing import race

NUMBER, ALICE, BOB = "+61499777001", "+61488023555", "+61488023556"
ALL_CHANNELS = ReplyOptions(
    leased=True,
    to_number="+61499333222",
    to_email="owner@customer.example",
    webhook=EventEndpoint("https://callback.2.me/a?b=c", EndpointMethod.GET),
)
_ids = count()


def inbound(body: str = "Yes", sender: str = ALICE, at: Instant = NOW + MINUTE) -> Inbound:
    """A text to the leased number."""
    return Inbound(sender, NUMBER, body, at)


def ask(
    builder: StoreBuilder,
    options: ReplyOptions = ALL_CHANNELS,
    to: str = ALICE,
    sent_at: Instant | None = NOW,
) -> str:
    """A message from the leased number to somebody, sent or not; its id."""
    builder.store.leases.add_number(NUMBER, "AU", NOW)
    lease_request = LeaseRequest(to, options.purpose(), NOW + LEASE_FOR)
    assert builder.store.leases.claim(builder.account_id, [lease_request], NOW) == [NUMBER]
    composed = builder.composed(1, prefix=f"asked-{next(_ids)}")
    (message,) = composed.messages
    message.sender, message.to, message.replies = NUMBER, to, options
    builder.store.campaigns.save(composed, f"cmp_{message.id}")
    if sent_at is not None:
        builder.execute(
            "UPDATE message SET status = 'sent', sent_at = :at WHERE id = :id",
            at=sent_at,
            id=message.id,
        )
    return message.id


def take(store: Store, text: Inbound, now: Instant) -> set[str]:
    """Bring a text; the accounts that keep it."""
    taken = store.inbound.take(text, "pretend", now)
    assert taken.accounts >= {message.account_id for message in taken.messages}
    return {message.account_id for message in taken.messages}


def kept(builder: StoreBuilder) -> list[InboundMessage]:
    """Every reply that is kept."""
    ids = builder.store.database.read(
        lambda connection: (
            connection.exec_driver_sql("SELECT id FROM inbound_message ORDER BY id").scalars().all()
        )
    )
    found = [builder.store.replies.reply(builder.account_id, id) for id in ids]
    return [reply for reply in found if reply is not None]


def callbacks(builder: StoreBuilder) -> dict[str, ReplyChannel | None]:
    """Every callback, with the way that it stands for."""
    ids = builder.store.database.read(
        lambda connection: connection.exec_driver_sql("SELECT id FROM callback").scalars().all()
    )
    forwards = {id: builder.store.replies.forward(id) for id in ids}
    return {id: forward.channel if forward else None for id, forward in forwards.items()}


def test_a_reply_is_kept_with_a_callback_for_each_of_its_ways(builder: StoreBuilder) -> None:
    notified: list[object] = []
    builder.store.outbox.on_commit = notified.extend
    message_id = ask(builder)
    assert take(builder.store, inbound(), NOW + MINUTE) == {builder.account_id}
    (reply,) = kept(builder)
    assert reply.id.startswith(INBOUND_PREFIX)
    assert (reply.message_id, reply.writer, reply.number) == (message_id, ALICE, NUMBER)
    assert (reply.body, reply.received_at) == ("Yes", NOW + MINUTE)
    channels = callbacks(builder)
    assert sorted(map(str, channels.values())) == ["email", "number", "webhook"]
    assert len(notified) == 3
    for id, channel in channels.items():
        forward = builder.store.replies.forward(id)
        assert forward is not None
        assert (forward.reply, forward.options, forward.channel) == (reply, ALL_CHANNELS, channel)


def test_the_webhook_of_a_reply_is_told_of_it_at_its_own_address(builder: StoreBuilder) -> None:
    ask(builder)
    take(builder.store, inbound(), NOW + MINUTE)
    (id,) = [id for id, channel in callbacks(builder).items() if channel is ReplyChannel.WEBHOOK]
    signed_event = builder.store.events.read(id, NOW)
    assert signed_event is not None
    assert signed_event.event.address == ALL_CHANNELS.webhook
    assert signed_event.event.inbound == kept(builder)[0]
    assert signed_event.event.message is not None and signed_event.secrets == ()


def test_a_reply_that_is_brought_again_changes_nothing(builder: StoreBuilder) -> None:
    ask(builder)
    for _ in range(3):
        assert take(builder.store, inbound(), NOW + MINUTE) == {builder.account_id}
    assert (len(kept(builder)), len(callbacks(builder))) == (1, 3)
    take(builder.store, inbound(at=NOW + MINUTE + 1), NOW + MINUTE)
    take(builder.store, inbound("No"), NOW + MINUTE)
    assert (len(kept(builder)), len(callbacks(builder))) == (3, 9)


def test_a_reply_brought_twenty_times_at_once_is_one(
    builder: StoreBuilder, rival_store: Store
) -> None:
    ask(builder)
    stores = (builder.store, rival_store)
    found = race(20, lambda runner: take(stores[runner % 2], inbound(), NOW + MINUTE))
    assert found == [{builder.account_id}] * 20
    assert (len(kept(builder)), len(callbacks(builder))) == (1, 3)


def test_a_text_that_fits_nobody_is_not_kept(builder: StoreBuilder) -> None:
    assert take(builder.store, inbound(), NOW) == set()
    ask(builder)
    assert take(builder.store, inbound(sender=BOB), NOW) == set()
    stranger = Inbound(ALICE, "+61499777009", "Yes", NOW)
    assert take(builder.store, stranger, NOW) == set()
    assert (kept(builder), callbacks(builder)) == ([], {})


def test_after_its_lease_a_text_is_kept_and_goes_nowhere(builder: StoreBuilder) -> None:
    message_id = ask(builder)
    assert take(builder.store, inbound(), NOW + LEASE_FOR) == {builder.account_id}
    assert [message.message_id for message in kept(builder)] == [message_id]
    assert callbacks(builder) == {}
    assert take(builder.store, inbound("In time"), NOW + LEASE_FOR - 1) == {builder.account_id}
    assert len(callbacks(builder)) == 3


def test_a_reply_answers_the_message_that_was_sent_last(builder: StoreBuilder) -> None:
    ask(builder)
    last = ask(builder, sent_at=NOW + 9 * SECOND)
    ask(builder, sent_at=NOW + SECOND)
    ask(builder, sent_at=None)
    ask(builder, to=BOB, sent_at=NOW + MINUTE)
    take(builder.store, inbound(), NOW + MINUTE)
    assert [reply.message_id for reply in kept(builder)] == [last]


def test_without_a_wish_a_reply_is_kept_and_goes_nowhere(builder: StoreBuilder) -> None:
    message_id = ask(builder, ReplyOptions(leased=True))
    take(builder.store, inbound(), NOW)
    assert [reply.message_id for reply in kept(builder)] == [message_id]
    assert callbacks(builder) == {}


def test_a_lease_that_passed_on_takes_no_old_messages_along(
    builder: StoreBuilder, any_store: Store
) -> None:
    ask(builder)
    other = any_store.accounts.create("other", 0)[0]
    later = NOW + LEASE_FOR + DAY
    lease_request = LeaseRequest(ALICE, "w", later + LEASE_FOR)
    assert any_store.leases.claim(other.id, [lease_request], later) == [NUMBER]
    assert take(any_store, inbound(at=later), later) == {other.id}
    assert (kept(builder), callbacks(builder)) == ([], {})


def test_replies_and_messages_are_their_accounts_alone(
    builder: StoreBuilder, any_store: Store, account: AccountView
) -> None:
    message_id = ask(builder)
    take(builder.store, inbound(), NOW)
    (reply,) = kept(builder)
    other = any_store.accounts.create("other", 0)[0]
    assert any_store.replies.reply(other.id, reply.id) is None
    assert any_store.replies.message(other.id, message_id) is None
    asked = any_store.replies.message(account.id, message_id)
    assert asked is not None and asked.options == ALL_CHANNELS and asked.created_at == NOW
    assert any_store.replies.options([message_id, "nobody"]) == {message_id: ALL_CHANNELS}


@pytest.mark.parametrize("body", ["", "NUL \x00 and half \ud800", "🙂" * 500, "a\r\n.\r\nb"])
def test_a_reply_may_say_anything(builder: StoreBuilder, body: str) -> None:
    ask(builder)
    for _ in range(2):
        take(builder.store, inbound(body), NOW)
    (reply,) = kept(builder)
    assert reply.body == body.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
