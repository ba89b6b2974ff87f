"""Whether a number is opted out depends on the times of its events, never on their order."""

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaign.instants import HOUR, MINUTE, Instant
from campaign.keywords import Keyword, OptOutEvidence
from store.store import Store
from tests.store.builders import NOW, SENDER, StoreBuilder, number
from tests.store.racing import race

STOP, START = Keyword.STOP, Keyword.START
EVIDENCE = OptOutEvidence("inbound", "pretend", SENDER, "Stop please")
Event = tuple[Keyword, Instant]
_positions = count()


def apply(
    builder: StoreBuilder, to: str, kind: Keyword, at: Instant, id: str, store: Store | None = None
) -> bool:
    """Apply an event that came as a text."""
    opt_outs = (store or builder.store).opt_outs
    return opt_outs.apply(builder.account_id, to, kind, at, id, EVIDENCE, NOW + HOUR)


def expected(events: list[Event]) -> bool:
    """Whether the latest STOP is not earlier than the latest START."""
    stops = [at for kind, at in events if kind is STOP]
    starts = [at for kind, at in events if kind is START]
    return bool(stops) and max(stops) >= max(starts, default=0)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    data=st.data(),
    events=st.lists(
        st.tuples(st.sampled_from([STOP, START]), st.integers(1, 6)), min_size=1, max_size=6
    ),
)
def test_events_in_any_order_and_repeated_come_to_the_same(
    builder: StoreBuilder, data: st.DataObject, events: list[Event]
) -> None:
    run = next(_positions)
    to = number(run % 10_000)
    repeated = list(enumerate(events)) * 2
    for position, (kind, at) in data.draw(st.permutations(repeated)):
        apply(builder, to, kind, NOW + at, f"{run}-{position}")
    assert builder.store.opt_outs.contains(builder.account_id, to) is expected(events)


def test_a_late_start_and_a_repeated_one_undo_no_later_stop(builder: StoreBuilder) -> None:
    start, stop = NOW - 300_000, NOW - 100_000
    assert not apply(builder, number(1), START, start, "a")
    assert apply(builder, number(1), STOP, stop, "b")
    assert not apply(builder, number(1), START, start, "a")
    assert not apply(builder, number(1), START, start - 1, "c")
    # A carrier without times gives each repeat a new one; its id tells them apart.
    assert not apply(builder, number(1), START, NOW, "a")
    assert builder.store.opt_outs.contains(builder.account_id, number(1))
    assert apply(builder, number(1), START, NOW, "d")
    assert not builder.store.opt_outs.contains(builder.account_id, number(1))
    assert not apply(builder, number(1), STOP, stop, "b")
    assert not apply(builder, number(1), STOP, stop + 1, "e")


@pytest.mark.parametrize("kinds", [(STOP, START), (START, STOP)])
def test_at_one_instant_stop_wins(builder: StoreBuilder, kinds: tuple[Keyword, Keyword]) -> None:
    for kind in kinds:
        apply(builder, number(1), kind, NOW, kind.value)
    assert builder.store.opt_outs.contains(builder.account_id, number(1))


def test_stops_and_starts_that_meet_end_as_their_times_say(
    any_store: Store, rival_store: Store, builder: StoreBuilder
) -> None:
    stores = (any_store, rival_store)
    for attempt in range(5):
        events = [(STOP, 1), (START, 2), (STOP, 4), (START, 3), (STOP, 1), (START, 2)]
        to = number(attempt)

        def run(runner: int, to: str = to, events: list[Event] = events) -> None:
            kind, at = events[runner]
            apply(builder, to, kind, NOW + at, f"{to}-{runner}", stores[runner % 2])

        race(len(events), run)
        assert any_store.opt_outs.contains(builder.account_id, to)


def test_a_time_ahead_of_our_clock_outlasts_no_later_event(builder: StoreBuilder) -> None:
    opt_outs, account = builder.store.opt_outs, builder.account_id
    in_2099 = 130 * 365 * 24 * HOUR
    opt_outs.apply(account, number(1), STOP, in_2099, "a", EVIDENCE, NOW)
    assert opt_outs.apply(account, number(1), START, NOW + 1, "b", EVIDENCE, NOW + 1)


def test_the_accounts_own_word_is_the_latest(builder: StoreBuilder) -> None:
    opt_outs, account = builder.store.opt_outs, builder.account_id
    apply(builder, number(1), STOP, NOW + MINUTE, "a")
    assert opt_outs.remove(account, number(1))
    assert not opt_outs.contains(account, number(1))
    # A person who stops afterwards is obeyed, though the carrier's clock is behind.
    assert apply(builder, number(1), STOP, NOW + MINUTE + 1, "b")
    apply(builder, number(1), START, NOW + 2 * MINUTE, "c")
    assert opt_outs.add(account, number(1), "api", NOW)
    assert opt_outs.contains(account, number(1))


def test_an_opt_out_shows_by_which_text_and_carrier_it_came(builder: StoreBuilder) -> None:
    opt_outs, account = builder.store.opt_outs, builder.account_id
    apply(builder, number(1), STOP, NOW, "in_1")
    (view,) = opt_outs.list(account)
    shown = (view.source, view.created_at, view.carrier, view.address, view.text)
    assert shown == ("inbound", NOW, "pretend", SENDER, "Stop please")
    opt_outs.remove(account, number(1))
    assert opt_outs.list(account) == []
    events = opt_outs.history(account, number(1))
    assert [(one.kind, one.evidence.source) for one in events] == [
        (STOP, "inbound"),
        (START, "api"),
    ]
    assert events[0].evidence == EVIDENCE and events[0].id == "in_1"


def test_one_accounts_events_change_nothing_for_another(builder: StoreBuilder) -> None:
    other, _ = builder.store.accounts.create("other", NOW)
    apply(builder, number(1), STOP, NOW, "a")
    assert builder.store.opt_outs.history(other.id, number(1)) == []
    # The same text concerns both accounts: the id is remembered for each.
    opt_outs = builder.store.opt_outs
    assert opt_outs.apply(other.id, number(1), STOP, NOW, "a", EVIDENCE, NOW)


def test_a_number_that_an_older_version_opted_out_can_opt_in(builder: StoreBuilder) -> None:
    builder.execute(
        "INSERT INTO opt_out (account_id, number, source, created_at) "
        "VALUES (:id, :to, 'api', :at)",
        id=builder.account_id,
        to=number(1),
        at=NOW,
    )
    assert apply(builder, number(1), START, NOW + 1, "a")
    assert not builder.store.opt_outs.contains(builder.account_id, number(1))


def test_many_numbers_are_opted_out_once(builder: StoreBuilder) -> None:
    numbers = [number(position) for position in range(1_200)]
    opt_outs, account = builder.store.opt_outs, builder.account_id
    assert opt_outs.add(account, number(5), "api", NOW)
    assert opt_outs.add_all(account, [*numbers, number(1)], "file", NOW) == 1_199
    assert opt_outs.add_all(account, numbers, "file", NOW) == 0
    assert len(opt_outs.list(account, limit=5_000)) == 1_200
