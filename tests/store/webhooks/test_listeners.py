"""Listeners get the events that webhooks get, until nobody asks any more."""

import pytest

from campaign.deliveries import DeliveryStatus, DeliveryUpdate
from campaign.events import LISTENER_LIFE, Destination
from campaign.instants import DAY, SECOND, Instant
from store.database.engine import StoreError
from store.webhooks.listeners import LISTENERS_MAX, ListenerView
from tests.store.builders import NOW, StoreBuilder
from tests.webhook_worker import make_event


def opened(builder: StoreBuilder, *events: str, key: str = "AK1") -> ListenerView:
    return builder.store.listeners.open(
        builder.account_id, key, events or ["message.*"], "native", NOW
    )


def claimed(builder: StoreBuilder, listener: str, now: Instant = NOW) -> int:
    calls = builder.store.deliveries.flush_and_claim(listener, "t", [], 10, now, now + SECOND)
    return len(calls)


def test_a_listener_gets_the_events_that_it_asked_for_and_nobody_is_signalled(
    builder: StoreBuilder,
) -> None:
    signalled: list[Destination] = []
    builder.store.outbox.on_commit = signalled.extend
    messages, campaigns = opened(builder), opened(builder, "campaign.*")
    builder.send(builder.admit(3))
    assert (claimed(builder, messages.id), claimed(builder, campaigns.id)) == (3, 0)
    assert signalled == []
    assert builder.store.deliveries.overdue(NOW + 30 * SECOND, "", 10) == []


def test_all_listeners_of_a_key_have_one_secret(builder: StoreBuilder) -> None:
    first, again, other = opened(builder), opened(builder), opened(builder, key="AK2")
    assert first.secret == again.secret != other.secret
    signed = [opened(builder).secret]
    builder.send(builder.admit(1))
    ids = builder.store.deliveries.flush_and_claim(first.id, "t", [], 1, NOW, NOW + SECOND)
    event = builder.store.events.read(ids[0].callback_id, NOW)
    assert event is not None and list(event.secrets) == signed


def test_a_listener_that_nobody_asks_for_ends_and_what_waits_for_it_too(
    builder: StoreBuilder,
) -> None:
    listener = opened(builder)
    builder.send(builder.admit(2))
    later = NOW + LISTENER_LIFE
    extend = builder.store.listeners.extend
    assert extend(builder.account_id, listener.id, later - 1) == later - 1 + LISTENER_LIFE
    end = later - 1 + LISTENER_LIFE
    assert extend(builder.account_id, listener.id, end) is None
    # From now on its deliveries are closed like those of a webhook that is gone.
    assert builder.store.deliveries.overdue(end, "", 10) == [
        Destination(listener.id, builder.account_id)
    ]
    assert claimed(builder, listener.id, end) == 0
    statuses = "SELECT count(*) FROM callback WHERE status = 'dead' AND last_code = 'disabled'"
    assert builder.value(statuses) == 2
    make_event(builder, 2, end)
    assert builder.value("SELECT count(*) FROM callback WHERE status = 'waiting'") == 0
    builder.store.deliveries.forget(end + DAY, 10)
    assert builder.value("SELECT count(*) FROM webhook") == 0


def test_a_closed_listener_leaves_nothing_behind(builder: StoreBuilder) -> None:
    listener = opened(builder)
    builder.send(builder.admit(2))
    other = builder.store.accounts.create("other", NOW)[0]
    assert builder.store.listeners.extend(other.id, listener.id, NOW) is None
    assert not builder.store.listeners.close(other.id, listener.id)
    assert builder.store.listeners.close(builder.account_id, listener.id)
    assert not builder.store.listeners.close(builder.account_id, listener.id)
    assert builder.value("SELECT count(*) FROM callback") == 0


def test_gone_ends_a_listener(builder: StoreBuilder) -> None:
    listener = opened(builder)
    builder.send(builder.admit(2))
    flush = builder.store.deliveries.flush_and_claim
    (call,) = flush(listener.id, "t", [], 1, NOW, NOW + SECOND)
    gone = DeliveryUpdate(call.callback_id, DeliveryStatus.DEAD, "410", NOW, gone=True)
    assert flush(listener.id, "t", [gone], 1, NOW, NOW + SECOND) == []
    assert builder.store.listeners.extend(builder.account_id, listener.id, NOW) is None


def test_a_listener_is_no_webhook(builder: StoreBuilder) -> None:
    listener, endpoints, account = opened(builder), builder.store.endpoints, builder.account_id
    assert endpoints.list(account) == []
    assert endpoints.get(account, listener.id) is None
    assert endpoints.rotate(account, listener.id, NOW) is None
    assert not endpoints.remove(account, listener.id)
    webhook, _ = endpoints.add(account, "https://hooks.example/", ["*"], "native", NOW)
    assert not builder.store.listeners.close(account, webhook.id)
    assert builder.store.listeners.extend(account, webhook.id, NOW) is None


def test_an_account_has_ten_listeners_at_a_time(builder: StoreBuilder) -> None:
    for _ in range(LISTENERS_MAX):
        opened(builder)
    with pytest.raises(StoreError, match="at most 10"):
        opened(builder)
    builder.execute("UPDATE webhook SET listens_until = :now", now=NOW)
    opened(builder)
