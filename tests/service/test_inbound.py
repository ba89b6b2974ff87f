"""What inbound texts do to opt-outs: by their own time and id, for everybody who wrote."""

from dataclasses import replace

import pytest

from campaign.handoffs import Inbound
from campaign.instants import DAY, MINUTE, SECOND, Instant
from campaign.leases import LEASE_FOR, LeaseRequest
from service.inbound import keep_inbound
from store.store import Store
from tests.store.builders import NOW, SENDER, StoreBuilder, number
from tests.store.conftest import account, any_settings, any_store, builder

__all__ = ["account", "any_settings", "any_store", "builder"]

WRITER, POOL = number(0), "+18005550111"


def say(builder: StoreBuilder, body: str, at: Instant, now: Instant = NOW, **more: str) -> bool:
    """Bring a text of the writer at an instant; True if it fits an account."""
    text = Inbound(WRITER, SENDER, body, at, more.pop("id", None))
    return keep_inbound(builder.store, replace(text, **more), "pretend", now)  # type: ignore[arg-type]


def is_out(builder: StoreBuilder, account_id: str | None = None) -> bool:
    """Whether the writer is opted out of an account's messages."""
    return builder.store.opt_outs.contains(account_id or builder.account_id, WRITER)


def test_a_start_brought_again_does_not_undo_a_later_stop(builder: StoreBuilder) -> None:
    for _ in range(2):
        say(builder, "START", NOW - 300 * SECOND)
        say(builder, "STOP", NOW - 100 * SECOND)
        assert is_out(builder)


def test_a_start_older_than_the_stop_does_not_undo_it(builder: StoreBuilder) -> None:
    say(builder, "STOP", NOW - 10 * SECOND)
    say(builder, "START", NOW - DAY)
    assert is_out(builder)
    say(builder, "START", NOW - 9 * SECOND)
    assert not is_out(builder)


def test_without_a_time_of_its_own_a_start_brought_again_keeps_its_first_time(
    builder: StoreBuilder,
) -> None:
    """As Twilio brings it: each call has the time of its arrival, and the id of the text."""
    say(builder, "START", NOW, NOW, id="SM1")
    say(builder, "STOP", NOW + MINUTE, NOW + MINUTE, id="SM2")
    say(builder, "START", NOW + 2 * MINUTE, NOW + 2 * MINUTE, id="SM1")
    assert is_out(builder)
    say(builder, "START", NOW + 3 * MINUTE, NOW + 3 * MINUTE, id="SM3")
    assert not is_out(builder)


@pytest.mark.parametrize("order", [("STOP", "START"), ("START", "STOP")])
def test_at_one_instant_stop_wins(builder: StoreBuilder, order: tuple[str, str]) -> None:
    for body in order:
        say(builder, body, NOW)
    assert is_out(builder)


def test_a_stop_of_a_year_to_come_does_not_outlast_a_later_start(builder: StoreBuilder) -> None:
    say(builder, "STOP", 4_070_908_800_000)
    assert is_out(builder)
    say(builder, "START", NOW + MINUTE, NOW + MINUTE)
    assert not is_out(builder)


@pytest.mark.parametrize(
    ("body", "keyword", "out"),
    [("BAJA", "stop", True), ("Yes please", "stop", True), ("Hi", "help", False)],
)
def test_what_the_carrier_read_in_a_text_counts(
    builder: StoreBuilder, body: str, keyword: str, out: bool
) -> None:
    say(builder, body, NOW, keyword=keyword)
    assert is_out(builder) == out


def test_the_carriers_start_opts_in_again(builder: StoreBuilder) -> None:
    say(builder, "STOP", NOW)
    say(builder, "ALTA", NOW + 1, NOW + 1, keyword="start")
    assert not is_out(builder)


def test_a_caption_counts_as_the_text(builder: StoreBuilder) -> None:
    text = Inbound(WRITER, SENDER, "Stop", NOW, "SM1", ("https://media.example/1.jpg",))
    assert keep_inbound(builder.store, text, "twilio", NOW)
    assert is_out(builder)


def test_a_text_that_fits_nobody_changes_nothing(builder: StoreBuilder) -> None:
    assert not say(builder, "STOP", NOW, to="+447911123457")
    assert not is_out(builder)


@pytest.mark.parametrize("sender", ["BANK", "72345"])
def test_a_text_of_a_name_is_kept_and_opts_nobody_out(builder: StoreBuilder, sender: str) -> None:
    assert say(builder, "STOP", NOW, sender=sender)
    assert builder.store.opt_outs.list(builder.account_id) == []


def wrote(builder: StoreBuilder, account_id: str, at: Instant) -> None:
    """An account has sent the writer a message from a leased number."""
    store = builder.store
    store.leases.add_number(POOL, "US", NOW)
    lease_request = LeaseRequest(WRITER, account_id, at + LEASE_FOR)
    assert store.leases.claim(account_id, [lease_request], at) == [POOL]
    composed = StoreBuilder(store, account_id).composed(1, prefix=f"of-{account_id}")
    composed.messages[0].sender = POOL
    store.campaigns.save(composed, f"cmp_of_{account_id}")
    builder.execute(
        "UPDATE message SET status = 'delivered', sent_at = :at WHERE id = :id",
        at=at,
        id=f"of-{account_id}-0",
    )


def two_that_wrote(builder: StoreBuilder, any_store: Store) -> tuple[str, str, Instant]:
    """Two accounts that had a number one after the other, and a time after the second lease."""
    other = any_store.accounts.create("other", NOW)[0].id
    wrote(builder, builder.account_id, NOW)
    later = NOW + LEASE_FOR + DAY
    wrote(builder, other, later)
    return builder.account_id, other, later + LEASE_FOR + DAY


@pytest.mark.parametrize("removed", [False, True])
def test_a_stop_after_the_lease_silences_everybody_who_wrote_from_the_number(
    builder: StoreBuilder, any_store: Store, removed: bool
) -> None:
    first, second, end = two_that_wrote(builder, any_store)
    third = any_store.accounts.create("third", NOW)[0].id
    if removed:
        any_store.leases.remove_number(POOL)
    for _ in range(2):
        assert say(builder, "STOP", end, end, to=POOL, id="SM1")
        assert [is_out(builder, each) for each in (first, second, third)] == [True, True, False]
    say(builder, "START", end + MINUTE, end + MINUTE, to=POOL, id="SM2")
    assert [is_out(builder, each) for each in (first, second)] == [False, False]


def test_a_stop_during_the_second_lease_silences_the_first_account_too(
    builder: StoreBuilder, any_store: Store
) -> None:
    first, second, end = two_that_wrote(builder, any_store)
    during = end - 2 * DAY
    assert say(builder, "STOP", during, during, to=POOL)
    assert is_out(builder, first) and is_out(builder, second)


def test_a_stop_to_a_removed_sender_silences_who_wrote_from_it(builder: StoreBuilder) -> None:
    builder.send(builder.admit(1))
    builder.store.senders.remove(builder.account_id, SENDER)
    assert say(builder, "STOP", NOW)
    assert is_out(builder)
