"""When messages are due, and which of them leave together."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaign.instants import DAY, HOUR, MINUTE, SECOND, Instant
from campaign.ports import WaveRow
from campaign.schedule import ideal_instants, wave_width, waves

START: Instant = 20_000 * DAY
spreads = st.floats(0, 72, allow_nan=False)
counts = st.integers(1, 3_000)
rows_of_a_campaign = st.lists(st.integers(0, 6 * HOUR), max_size=120).map(
    lambda dues: sorted(
        (WaveRow(START + due, position) for position, due in enumerate(dues)),
        key=lambda row: (row.due_at, row.position),
    )
)


def taken_by_waves(rows: Sequence[WaveRow], width: Instant, chunk_size: int) -> list[list[int]]:
    """Send as the workflow does: each chunk takes what waits in its range and is due."""
    waiting = {row.position: row for row in rows}
    taken = []
    for wave in waves(rows, width, chunk_size):
        of_wave: list[int] = []
        for low, high in wave.chunks:
            due = [p for p in waiting if low <= p < high and waiting[p].due_at <= wave.due_until]
            assert len(due) <= chunk_size
            of_wave += due
            for position in due:
                del waiting[position]
        assert len(of_wave) == wave.count
        taken.append(of_wave)
    assert waiting == {}
    return taken


def test_an_unspread_campaign_is_due_at_once() -> None:
    assert ideal_instants(START, 0.0, 4) == [START] * 4


def test_nobody_to_send_to_is_no_instants() -> None:
    assert ideal_instants(START, 6.0, 0) == []


def test_sixty_messages_over_an_hour_leave_a_minute_apart() -> None:
    assert ideal_instants(START, 1.0, 60) == [START + MINUTE * index for index in range(60)]


def test_one_message_leaves_at_the_beginning_of_its_window() -> None:
    assert ideal_instants(START, 72.0, 1) == [START]


@given(spreads, counts)
@example(72.0, 50_000)
def test_instants_begin_with_the_window_and_stay_inside_it(spread: float, count: int) -> None:
    instants = ideal_instants(START, spread, count)
    assert len(instants) == count
    assert instants[0] == START
    assert all(START <= instant <= START + spread * HOUR for instant in instants)


@given(spreads, counts)
def test_instants_are_in_order_and_as_even_as_milliseconds_allow(spread: float, count: int) -> None:
    instants = ideal_instants(START, spread, count)
    gaps = [after - before for before, after in zip(instants, instants[1:], strict=False)]
    even = spread * HOUR / count
    assert all(abs(gap - even) <= 1 for gap in gaps)
    assert instants == sorted(instants)


@given(st.integers(0, 10**13), spreads, counts)
def test_instants_are_a_pure_function_that_only_moves_with_its_start(
    start: Instant, spread: float, count: int
) -> None:
    moved = [instant - start for instant in ideal_instants(start, spread, count)]
    assert moved == ideal_instants(0, spread, count) == ideal_instants(0, spread, count)


@pytest.mark.parametrize(
    ("spread", "width"),
    [(0.0, SECOND), (0.1, 30 * SECOND), (1.0, 30 * SECOND), (6.0, 108 * SECOND), (72.0, 1_296_000)],
)
def test_a_wave_is_as_wide_as_the_promise_allows(spread: float, width: Instant) -> None:
    assert wave_width(spread) == width


def test_times_of_recipients_own_make_no_more_waves_than_a_spread() -> None:
    rows = [WaveRow(START + minute * MINUTE, minute) for minute in range(20_000)]
    width = wave_width(0, rows[-1].due_at - START)
    assert len(waves(rows, width, 500)) <= 201
    # What is left of a plan has waves as wide as the whole of it.
    assert len(waves(rows[15_000:], width, 500)) <= 51
    # Windows put a spread off over days.
    assert wave_width(1.0, 10 * DAY) == 10 * DAY // 200
    # Retries of a campaign without a spread are waves of their own.
    assert wave_width(0, 2 * MINUTE) == SECOND


def test_no_rows_make_no_waves() -> None:
    assert waves([], SECOND, 500) == []


def test_a_wave_takes_what_is_due_within_its_width_and_fires_at_its_first() -> None:
    rows = [WaveRow(START + offset, index) for index, offset in enumerate([0, 10, 11])]
    first, second = waves(rows, 10, 500)
    assert (first.fire_at, first.due_until, first.count, first.chunks) == (
        START,
        START + 10,
        2,
        ((0, 2),),
    )
    assert (second.fire_at, second.count, second.chunks) == (START + 11, 1, ((2, 3),))


def test_a_wide_wave_has_no_more_chunks_than_run_at_once() -> None:
    rows = [WaveRow(START + index, index) for index in range(5_000)]
    assert [len(wave.chunks) for wave in waves(rows, MINUTE, 1_000)] == [2, 2, 1]
    # What is due within a second is one wave, however much it is.
    assert [len(wave.chunks) for wave in waves(rows, MINUTE, 100)] == [11, 11, 11, 11, 10]


def test_chunks_are_no_larger_than_asked_for() -> None:
    rows = [WaveRow(START, position) for position in range(1_001)]
    (wave,) = waves(rows, SECOND, 500)
    assert wave.chunks == ((0, 500), (500, 1_000), (1_000, 1_001))


def test_chunks_leave_gaps_where_positions_do() -> None:
    rows = [WaveRow(START, position) for position in (1, 5, 9, 70)]
    (wave,) = waves(rows, SECOND, 2)
    assert wave.chunks == ((1, 6), (9, 71))


@given(rows_of_a_campaign, st.integers(0, HOUR), st.integers(1, 50))
def test_waves_cover_every_position_exactly_once(
    rows: list[WaveRow], width: Instant, chunk_size: int
) -> None:
    taken = [
        position for of_wave in taken_by_waves(rows, width, chunk_size) for position in of_wave
    ]
    assert sorted(taken) == [row.position for row in sorted(rows, key=lambda row: row.position)]


@given(rows_of_a_campaign, st.integers(0, HOUR))
def test_a_wave_begins_with_its_first_row_and_is_as_wide_as_allowed(
    rows: list[WaveRow], width: Instant
) -> None:
    due = {row.position: row.due_at for row in rows}
    planned = waves(rows, width, 500)
    for wave, positions in zip(planned, taken_by_waves(rows, width, 500), strict=True):
        dues = [due[position] for position in positions]
        assert (wave.fire_at, wave.due_until) == (min(dues), max(dues))
        assert wave.due_until - wave.fire_at <= width


@given(rows_of_a_campaign, st.integers(0, HOUR))
def test_waves_fire_in_order(rows: list[WaveRow], width: Instant) -> None:
    planned = waves(rows, width, 500)
    assert all(
        before.due_until < after.fire_at
        for before, after in zip(planned, planned[1:], strict=False)
    )
