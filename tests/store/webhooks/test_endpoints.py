"""Webhooks belong to one account, keep two secrets at most, and can tell everything again."""

import base64

import pytest

from campaign.deliveries import DeliveryStatus, DeliveryUpdate
from campaign.events import SECRETS_OVERLAP, Destination
from campaign.instants import DAY, HOUR, SECOND
from store.database.engine import StoreError
from store.store import Store
from store.webhooks.delivery_log import DeliveryView
from store.webhooks.endpoints import WEBHOOKS_MAX, WebhookView
from tests.store.builders import NOW, StoreBuilder
from tests.store.racing import race

URL = "https://hooks.example/in"


def add(builder: StoreBuilder, *events: str) -> tuple[WebhookView, str]:
    return builder.store.endpoints.add(builder.account_id, URL, events or ("*",), "native", NOW)


def secrets_at(builder: StoreBuilder, now: int) -> tuple[str, ...]:
    """What a callback would be signed with at an instant."""
    callback = str(builder.value("SELECT min(id) FROM callback"))
    signed_event = builder.store.events.read(callback, now)
    assert signed_event is not None
    return signed_event.secrets


def end_all(builder: StoreBuilder, webhook: str, status: DeliveryStatus, now: int = NOW) -> None:
    calls = builder.store.deliveries.flush_and_claim(webhook, "t", [], 100, now, now + SECOND)
    marks = [DeliveryUpdate(call.callback_id, status, "503", now) for call in calls]
    builder.store.deliveries.flush_and_claim(webhook, "t", marks, 0, now, now)


def test_a_webhook_is_added_seen_listed_and_removed(builder: StoreBuilder) -> None:
    view, secret = add(builder, "message.sent", "campaign.*")
    assert (view.url, list(view.events), view.disabled_at) == (
        URL,
        ["message.sent", "campaign.*"],
        None,
    )
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    webhooks, account = builder.store.endpoints, builder.account_id
    assert webhooks.get(account, view.id) == view
    assert webhooks.list(account) == [view]
    assert secret not in str(webhooks.list(account))
    assert builder.value("SELECT count(*) FROM webhook WHERE secret_sealed LIKE '%whsec%'") == 0
    builder.send(builder.admit(2))
    assert webhooks.remove(account, view.id)
    assert not webhooks.remove(account, view.id)
    assert (webhooks.list(account), builder.value("SELECT count(*) FROM callback")) == ([], 0)


def test_another_accounts_webhook_does_not_exist(builder: StoreBuilder) -> None:
    view, _ = add(builder)
    builder.send(builder.admit(1))
    end_all(builder, view.id, DeliveryStatus.DEAD)
    other = builder.store.accounts.create("other", 0)[0].id
    webhooks = builder.store.endpoints
    assert webhooks.get(other, view.id) is None
    assert webhooks.list(other) == []
    assert webhooks.rotate(other, view.id, NOW) is None
    assert not webhooks.enable(other, view.id)
    assert webhooks.replay(other, view.id, 0, NOW + DAY, NOW) == 0
    assert builder.store.delivery_log.dead_letters(other, view.id) == []
    assert not webhooks.remove(other, view.id)
    assert webhooks.get(builder.account_id, view.id) == view


def test_a_rotation_leaves_the_secret_before_valid_for_a_day(builder: StoreBuilder) -> None:
    view, first = add(builder)
    builder.send(builder.admit(1))
    assert secrets_at(builder, NOW) == (first,)
    second = builder.store.endpoints.rotate(builder.account_id, view.id, NOW)
    assert second is not None
    assert secrets_at(builder, NOW) == (second, first)
    assert secrets_at(builder, NOW + SECRETS_OVERLAP) == (second,)
    third = builder.store.endpoints.rotate(builder.account_id, view.id, NOW + HOUR)
    assert secrets_at(builder, NOW + HOUR) == (third, second)


def test_racing_additions_leave_no_more_webhooks_than_an_account_may_have(
    builder: StoreBuilder, rival_store: Store
) -> None:
    for _ in range(WEBHOOKS_MAX - 2):
        add(builder)
    stores = (builder.store, rival_store)

    def join(runner: int) -> bool:
        try:
            stores[runner % 2].endpoints.add(builder.account_id, URL, ["*"], "native", NOW)
        except StoreError:
            return False
        return True

    assert sum(race(6, join)) == 2
    assert len(builder.store.endpoints.list(builder.account_id)) == WEBHOOKS_MAX


def test_a_replay_tells_again_what_was_told_or_given_up_in_that_time(builder: StoreBuilder) -> None:
    view, _ = add(builder)
    notified: list[Destination] = []
    builder.send(builder.admit(2))
    end_all(builder, view.id, DeliveryStatus.DELIVERED)
    builder.send(builder.admit(1, now=NOW + HOUR), now=NOW + HOUR)
    end_all(builder, view.id, DeliveryStatus.DEAD, NOW + HOUR)
    builder.send(builder.admit(1, now=NOW + DAY), now=NOW + DAY)
    builder.store.outbox.on_commit = notified.extend
    later = NOW + 2 * DAY
    webhooks, account = builder.store.endpoints, builder.account_id
    assert webhooks.replay(account, view.id, NOW + 1, NOW + HOUR, later) == 0
    assert webhooks.replay(account, view.id, NOW, NOW + DAY, later) == 3
    assert notified == [Destination(view.id, account)]
    assert webhooks.replay(account, view.id, NOW, NOW + DAY, later) == 0
    calls = builder.store.deliveries.flush_and_claim(view.id, "t", [], 10, later, later + SECOND)
    assert [call.tries for call in calls] == [1, 1, 1, 1]


def test_dead_letters_are_paged_latest_first(builder: StoreBuilder) -> None:
    view, _ = add(builder, "message.*")
    campaign = builder.admit(5)
    builder.send(campaign)
    end_all(builder, view.id, DeliveryStatus.DEAD)
    builder.send(builder.admit(1))
    seen: list[str] = []
    before = None
    while True:
        page = builder.store.delivery_log.dead_letters(builder.account_id, view.id, 2, before)
        seen += [letter.message_id or "" for letter in page]
        if len(page) < 2:
            break
        before = page[-1].id
    assert sorted(seen) == [f"{campaign}-{position}" for position in range(5)]
    (letter, *_) = builder.store.delivery_log.dead_letters(builder.account_id, view.id)
    assert (letter.tries, letter.last_code, letter.event) == (1, "503", "message.sent")


def test_deliveries_are_paged_in_one_order_whatever_their_state(builder: StoreBuilder) -> None:
    view, _ = add(builder, "message.*")
    store, account = builder.store, builder.account_id
    builder.send(builder.admit(2))
    end_all(builder, view.id, DeliveryStatus.DEAD)
    builder.send(builder.admit(2))
    end_all(builder, view.id, DeliveryStatus.DELIVERED)
    builder.send(builder.admit(2))
    for hours, status in enumerate(("dead", "delivered", "waiting")):
        builder.execute(
            "UPDATE callback SET due_at = :at WHERE status = :status",
            at=NOW + hours * HOUR,
            status=status,
        )
    shown: list[DeliveryView] = []
    before = None
    while page := store.delivery_log.list(account, view.id, limit=3, before=before):
        shown += page
        before = page[-1].id
    assert [one.status for one in shown] == ["waiting"] * 2 + ["delivered"] * 2 + ["dead"] * 2
    assert len({one.id for one in shown}) == 6
    only = store.delivery_log.list(account, view.id, ("delivered", "dead"))
    assert [one.id for one in only] == [one.id for one in shown[2:]]
    assert store.delivery_log.list("another", view.id) == []


def test_an_enabled_webhook_hears_what_comes_from_now_on(builder: StoreBuilder) -> None:
    view, _ = add(builder)
    builder.execute("UPDATE webhook SET disabled_at = 1")
    builder.send(builder.admit(1))
    assert builder.store.endpoints.enable(builder.account_id, view.id)
    builder.send(builder.admit(2))
    assert builder.value("SELECT count(*) FROM callback") == 2


def test_a_callback_is_read_with_what_it_is_about(builder: StoreBuilder) -> None:
    view, _ = add(builder)
    campaign = builder.admit(2)
    builder.execute("UPDATE message SET reference = 'row 1'")
    builder.send(campaign)
    callback = str(builder.value("SELECT min(id) FROM callback"))
    signed_event = builder.store.events.read(callback, NOW)
    assert signed_event is not None
    event = signed_event.event
    assert (event.id, event.event, event.at, event.tries) == (callback, "message.sent", NOW, 0)
    assert event.address.url == URL
    assert event.message is not None and event.message.reference == "row 1"
    assert event.campaign is not None and event.campaign.id == campaign
    pair = event.key_pair()
    assert pair is not None
    assert builder.store.api_keys.authenticate(pair.key_id, pair.secret) is not None
    assert builder.store.events.read("cbk_nothing", NOW) is None


@pytest.mark.parametrize("table", ["message", "campaign"])
def test_a_callback_about_something_that_is_gone_is_not_read(
    builder: StoreBuilder, table: str
) -> None:
    add(builder)
    builder.send(builder.admit(1))
    column = "message_id" if table == "message" else "campaign_id"
    builder.execute(f"UPDATE callback SET {column} = 'gone'")
    assert (
        builder.store.events.read(str(builder.value("SELECT min(id) FROM callback")), NOW) is None
    )
