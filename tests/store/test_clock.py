"""Nonces, keys and schedules go by the store's clock and not by that of one process."""

import time

import pytest

from campaign.failures import StoreUnavailable
from campaign.instants import DAY, HOUR, MINUTE, SECOND, Instant
from campaign.model import Draft, DraftRecipient
from campaign.settings import Settings
from service.composition import CampaignComposer
from store.store import Store
from tests.store.builders import SENDER

TRUE = time.time_ns


def set_clock(monkeypatch: pytest.MonkeyPatch, ahead: Instant) -> None:
    """Set this process's clock ahead of the store's."""
    monkeypatch.setattr(time, "time_ns", lambda: TRUE() + ahead * 1_000_000)


def test_a_process_two_days_ahead_frees_no_key_and_makes_no_campaign_wait(
    postgres_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = postgres_store
    account = store.accounts.create("tester", 0, 100, 0, (SENDER,))[0]
    composer = CampaignComposer(store, Settings())
    set_clock(monkeypatch, 2 * DAY)
    draft = Draft(account.id, "native", [DraftRecipient("+14155550100")], text="Hello")
    composed = composer.compose(draft)
    now = TRUE() // 1_000_000
    assert abs(composed.received_at - now) < MINUTE
    assert abs(composed.messages[0].due_at - now) < MINUTE


def test_the_clock_of_the_store_is_measured_again_after_a_step_of_this_hosts(
    postgres_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = postgres_store.clock
    assert abs(clock.ahead()) < 5 * SECOND
    for ahead in (HOUR, -HOUR):
        set_clock(monkeypatch, ahead)
        assert abs(clock.ahead() - ahead) < 5 * SECOND
        assert abs(clock.now() - TRUE() // 1_000_000) < 5 * SECOND


def test_without_the_store_its_last_answer_counts_on(
    postgres_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = postgres_store.clock

    def away(work: object) -> None:
        raise StoreUnavailable("OperationalError")

    with monkeypatch.context() as patch:
        patch.setattr(postgres_store.database, "read", away)
        with pytest.raises(StoreUnavailable):
            clock.now()
    first = clock.now()
    monkeypatch.setattr(postgres_store.database, "read", away)
    set_clock(monkeypatch, HOUR)
    assert first <= clock.now() < first + MINUTE
