"""The delivery workflow: ten tries over three days, pauses, ends, and what stops it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from campaign.deliveries import ClaimedDelivery, DeliveryUpdate
from campaign.events import TRY_WAITS
from campaign.failures import StoreUnavailable
from campaign.instants import DAY, HOUR, MINUTE, SECOND
from campaign.settings import Settings
from store.accounts.accounts import AccountView
from store.store import Store
from tests.receiving import answer, hang, receive
from tests.webhook_worker import Post, posted


@pytest.fixture
async def post(
    skipping: WorkflowEnvironment,
    settings: Settings,
    store: Store,
    account: AccountView,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Post]:
    """Delivery workflows whose days pass in milliseconds; a parameter is the deadline of a call."""
    settings.callback_timeout_seconds = getattr(request, "param", 1.0)
    async with posted(skipping, settings, store, account) as made:
        yield made


async def test_ten_tries_are_made_over_seventy_five_hours_and_then_no_more(post: Post) -> None:
    async with receive(answer(500)) as receiver:
        webhook, _ = await post.subscribe(receiver.url)
        await post.send()
        (delivery_worker,) = await post.signal_all(webhook)
        outcome = await post.finished(delivery_worker)
        taken = receiver.taken
    assert (outcome.calls, outcome.delivered) == (10, 0)
    assert len({one.id for one in taken}) == 1
    waits = [
        later.sent_at - sooner.sent_at for sooner, later in zip(taken, taken[1:], strict=False)
    ]
    for wait, planned in zip(waits, TRY_WAITS[1:], strict=True):
        # Whole seconds on the wire, a tenth of jitter, a moment for the call itself.
        assert planned / SECOND - 1 <= wait <= planned * 1.1 / SECOND + 5
    assert post.statuses() == {"dead": 1}
    (letter,) = post.builder.store.delivery_log.dead_letters(post.builder.account_id, webhook.id)
    assert (letter.tries, letter.last_code) == (10, "500")


async def test_a_receiver_that_comes_back_gets_everything_once(post: Post) -> None:
    async with receive(answer(500), answer(404), answer(200)) as receiver:
        webhook, _ = await post.subscribe(receiver.url)
        await post.send(3)
        (delivery_worker,) = await post.signal_all(webhook)
        outcome = await post.finished(delivery_worker)
        taken = receiver.taken
    assert (outcome.calls, outcome.delivered) == (5, 3)
    assert len({one.id for one in taken}) == 3
    assert post.statuses() == {"delivered": 3}


async def test_a_wish_to_wait_is_granted_to_the_whole_destination(post: Post) -> None:
    async with receive(answer(429, retry_after="3600"), answer(200)) as receiver:
        webhook, _ = await post.subscribe(receiver.url)
        began = await post.now()
        await post.send(20)
        (delivery_worker,) = await post.signal_all(webhook)
        outcome = await post.finished(delivery_worker)
        taken = receiver.taken
    # What was under way with the first was called too; all others waited the hour.
    early = [one for one in taken if one.sent_at * SECOND < began + HOUR - SECOND]
    assert 1 <= len(early) <= 4
    assert (outcome.calls, outcome.delivered) == (21, 20)
    assert post.statuses() == {"delivered": 20}


@pytest.mark.parametrize("post", [0.2], indirect=True)
async def test_a_receiver_that_never_answers_is_asked_less_and_less(post: Post) -> None:
    async with receive(hang) as receiver:
        webhook, _ = await post.subscribe(receiver.url)
        await post.send(40)
        (delivery_worker,) = await post.signal_all(webhook)
        await receiver.until(lambda taken: len(taken) >= 4)
        await post.skip(30 * MINUTE)
        count = len(receiver.taken)
        # Four at first; then one after 1, 2, 4 ... seconds, and one in five minutes at last.
        assert 4 + 9 <= count <= 4 + 9 + 30 * MINUTE / (5 * MINUTE)
        handle = await delivery_worker.describe()
        assert handle.status is WorkflowExecutionStatus.RUNNING
        await delivery_worker.terminate()


async def test_what_waits_behind_a_dead_receiver_is_given_up_after_five_days(post: Post) -> None:
    async with receive() as receiver:
        url = receiver.url
    webhook, _ = await post.subscribe(url)
    await post.send(300)
    # They have waited for all but the last hour of their life.
    post.builder.execute("UPDATE callback SET since_at = since_at - :gone", gone=5 * DAY - HOUR)
    began = await post.now()
    (delivery_worker,) = await post.signal_all(webhook)
    outcome = await post.finished(delivery_worker)
    assert (outcome.delivered, outcome.calls < 40) == (0, True)
    assert HOUR <= await post.now() - began < 2 * HOUR
    assert post.statuses() == {"dead": 300}
    (letter, *_) = post.builder.store.delivery_log.dead_letters(post.builder.account_id, webhook.id)
    assert letter.last_code in ("connection", "expired")


async def test_gone_disables_the_webhook_and_ends_its_workflow(post: Post) -> None:
    async with receive(answer(200), answer(410)) as receiver:
        webhook, _ = await post.subscribe(receiver.url)
        await post.send(30)
        (delivery_worker,) = await post.signal_all(webhook)
        outcome = await post.finished(delivery_worker)
        assert outcome.calls <= 8
        view = post.builder.store.endpoints.get(post.builder.account_id, webhook.id)
        assert view is not None and view.disabled_at is not None
        assert post.statuses()["dead"] >= 22
        hits = receiver.peer.hits
        await post.send(3)
        (delivery_worker,) = await post.signal_all(webhook)
        assert (await post.finished(delivery_worker)).calls == 0
        assert receiver.peer.hits == hits


async def test_a_signal_delivers_events_at_once_while_the_workflow_waits_for_hours(
    post: Post,
) -> None:
    answers = [answer(500)] * 5 + [answer(200)]
    async with receive(*answers) as receiver:
        webhook, _ = await post.subscribe(receiver.url)
        await post.send()
        (delivery_worker,) = await post.signal_all(webhook)
        await receiver.until(lambda taken: len(taken) >= 1)
        while len(receiver.taken) < 5:
            await post.skip(10 * MINUTE)
        asleep_at = await post.now()
        await post.send()
        await post.signal_all(webhook)
        taken = await receiver.until(lambda taken: len(taken) >= 6)
        assert taken[-1].id != taken[0].id
        assert taken[-1].sent_at * SECOND < asleep_at + MINUTE
        outcome = await post.finished(delivery_worker)
    assert outcome.delivered == 2


async def test_a_workflow_signalled_twice_calls_once(post: Post) -> None:
    async with receive() as receiver:
        webhook, _ = await post.subscribe(receiver.url)
        await post.send(5)
        handles = await asyncio.gather(*(post.signal_all(webhook) for _ in range(3)))
        await post.finished(handles[0][0])
        assert len({one.id for one in receiver.taken}) == len(receiver.taken) == 5
    # A later one starts anew under the same name, and finds nothing.
    (again,) = await post.signal_all(webhook)
    assert (await post.finished(again)).calls == 0


async def test_a_crash_between_call_and_record_repeats_the_call_under_the_same_id(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    callbacks = post.builder.store.deliveries
    claim = callbacks.flush_and_claim

    def lose(
        destination: str, token: str, marks: Sequence[DeliveryUpdate], *rest: Any
    ) -> Sequence[ClaimedDelivery]:
        if marks and len(receiver.taken) < 2:
            raise StoreUnavailable("lost")
        return claim(destination, token, marks, *rest)

    monkeypatch.setattr(callbacks, "flush_and_claim", lose)
    async with receive(answer(200)) as receiver:
        webhook, secret = await post.subscribe(receiver.url)
        await post.send()
        (delivery_worker,) = await post.signal_all(webhook)
        outcome = await post.finished(delivery_worker)
        first, second = receiver.taken
    assert (first.id, first.body) == (second.id, second.body)
    assert first.verified(secret) == second.verified(secret)
    # The lost try counts: the callback stays claimed for as long as a crashed worker's would.
    assert second.sent_at - first.sent_at >= 2 * post.settings.callback_timeout_seconds + 5 - 1
    assert outcome.delivered == 1
    assert post.statuses() == {"delivered": 1}


async def test_a_replay_delivers_what_had_expired_under_its_old_ids(post: Post) -> None:
    async with receive(answer(410), answer(200)) as receiver:
        webhook, _ = await post.subscribe(receiver.url)
        await post.send(3)
        (delivery_worker,) = await post.signal_all(webhook)
        await post.finished(delivery_worker)
        result = {one.id for one in receiver.taken}
        now, account = await post.now(), post.builder.account_id
        webhooks = post.builder.store.endpoints
        assert webhooks.enable(account, webhook.id)
        letters = {
            letter.id
            for letter in post.builder.store.delivery_log.dead_letters(account, webhook.id)
        }
        assert webhooks.replay(account, webhook.id, 0, now + DAY, now) == 3
        receiver.answers[:] = [answer(200)]
        count = len(receiver.taken)
        (delivery_worker,) = await post.signal_all(webhook)
        assert (await post.finished(delivery_worker)).delivered == 3
        again = {one.id for one in receiver.taken[count:]}
    assert len(again) == 3 and result | letters == again
    assert post.statuses() == {"delivered": 3}


async def test_nothing_personal_and_no_address_is_in_the_history_of_a_delivery(post: Post) -> None:
    async with receive(answer(500), answer(200)) as receiver:
        webhook, secret = await post.subscribe(f"{receiver.url}?who=%2B14155550000")
        campaign = await post.send()
        (delivery_worker,) = await post.signal_all(webhook)
        await post.finished(delivery_worker)
        history = (await delivery_worker.fetch_history()).to_json()
        assert len(receiver.taken) == 2
    (message,) = post.builder.store.campaigns.messages(campaign)
    for private in (message.to, message.text, "127.0.0.1", "hooks", secret, "14155550000"):
        assert private not in history
    assert f"courier:{webhook.id}" in str(await delivery_worker.describe())
