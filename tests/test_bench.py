"""The benchmark's arithmetic, its verdicts and its table, without measuring anything."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.carrier import Book, Connection
from bench.contenders import CONTENDERS
from bench.figures import linear_fit_r2, median, percentile, spread
from bench.results import Results, Verdict
from bench.rows.recovery import silence
from bench.runs import NAMES, ROWS, STACKS
from bench.series import Series, all_series, at_least, at_most
from bench.table import MARKS, markdown_table, notes, number, terminal_table
from bench.work import campaign, handoff, number_of
from campaign.phone import is_e164
from carriers.pretend import PretendCarrier, PretendSettings

RATE = Series("ours", "ours", "/s", (at_least(0.7, "bare"), at_least(6, "celery")))
SECONDS = Series("post", "POST", "s", (at_most(1),))


def measured() -> Results:
    """Three runs of which the second was disturbed."""
    runs = [
        {"bare": 1_000.0, "ours": 800.0, "post": 0.5},
        {"bare": 100.0, "ours": 75.0, "post": 9.0},
        {"bare": 2_000.0, "ours": 1_000.0, "post": 0.7},
    ]
    return Results(runs)


def test_percentiles_lie_between_neighbours() -> None:
    values = [5.0, 1.0, 3.0, 2.0, 4.0]
    assert [percentile(values, at) for at in (0, 50, 75, 90, 100)] == [1, 3, 4, 4.6, 5]
    assert percentile([7.0], 99) == 7
    assert (median(values), spread(values)) == (3, (1, 5))
    with pytest.raises(ValueError):
        percentile([], 50)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(1, 3), (2, 5), (3, 7)], 1.0),
        ([(1, 2), (2, 2), (3, 2)], 1.0),
        ([(1, 1), (2, 0), (3, 1)], 0.0),
        ([(1, 1), (2, 4), (3, 9)], 64 / (2 * 98 / 3)),
    ],
)
def test_a_fit_says_how_straight_a_line_is(
    points: Sequence[tuple[float, float]], expected: float
) -> None:
    assert linear_fit_r2(points) == pytest.approx(expected)


@pytest.mark.parametrize("points", [[(1, 1), (2, 2)], [(1, 1), (1, 2), (1, 3)]])
def test_no_fit_is_made_of_what_has_none(points: Sequence[tuple[float, float]]) -> None:
    with pytest.raises(ValueError):
        linear_fit_r2(points)


def test_ratios_are_made_within_a_run_and_a_median_of_them_is_judged() -> None:
    results = measured()
    assert results.ratio("ours", "bare") == 0.75
    kept, unmeasured = results.judge(RATE)
    assert (kept.value, kept.verdict) == (0.75, Verdict.KEPT)
    assert (unmeasured.value, unmeasured.verdict) == (None, Verdict.OPEN)
    (post,) = results.judge(SECONDS)
    assert (post.value, post.verdict) == (0.7, Verdict.KEPT)


def test_a_budget_that_is_missed_is_shown_as_a_miss() -> None:
    results = measured()
    for run in results.runs:
        run["post"] += 1
    assert results.judge(SECONDS)[0].verdict is Verdict.MISSED
    assert MARKS[Verdict.MISSED] in markdown_table([SECONDS], results)


def test_what_failed_misses_its_budgets_and_says_why() -> None:
    results = Results([{}])
    results.fail(["post"], "no answer")
    assert results.judge(SECONDS)[0].verdict is Verdict.MISSED
    assert notes([SECONDS], results) == ["POST: failed: no answer"]
    assert "failed" in markdown_table([SECONDS], results)


def test_both_tables_show_a_line_for_each_budget() -> None:
    results = measured()
    lines = markdown_table([RATE, SECONDS], results).splitlines()
    assert lines[2:] == [
        "| ours | 800/s | 75/s – 1,000/s | 0.75 |  | ≥ 0.7 × (a): 0.75 | ✓ |",
        "|  |  |  |  |  | ≥ 6 × (d): – | not measured |",
        "| POST | 0.70 s | 0.50 s – 9.00 s |  |  | ≤ 1 | ✓ |",
    ]
    assert terminal_table([RATE, SECONDS], results, "a title").row_count == 3


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (12_345.6, "/s", "12,346/s"),
        (0.1234, "s", "0.12 s"),
        (0.99991, "R²", "0.9999 R²"),
        (3.21, "events", "3.2 events"),
    ],
)
def test_numbers_are_short_and_have_units(value: float, unit: str, text: str) -> None:
    assert number(value, unit) == text


def test_every_measurement_has_its_line_in_the_table_and_every_line_a_measurement() -> None:
    names = [one.name for one in all_series(5_000, 50_000, 200)]
    made = [one.name for one in CONTENDERS]
    made += [name + part for name in STACKS for part in ("", "_sending")]
    made += [name for row in ROWS for name in row.series]
    assert sorted(names) == sorted(made)
    assert len(NAMES) == len(set(NAMES))


def test_budgets_that_name_five_thousand_recipients_hold_from_there() -> None:
    small = {one.name: one.budgets for one in all_series(1_000, 50_000, 200)}
    whole = {one.name: one.budgets for one in all_series(5_000, 50_000, 200)}
    assert small["sqlite"] == small["history_per_100"] == ()
    assert len(whole["sqlite"]) == 4 and whole["history_per_100"] == (at_most(5),)
    assert whole["large"] == (at_most(10, "submission"),)


def test_a_recovery_ends_with_the_silence_that_the_kill_brought() -> None:
    assert silence([10.0, 10.1, 14.0, 14.1, 30.0]) == 4.0
    assert silence([10.0, 10.1, 10.4]) == pytest.approx(0.3)
    assert silence([10.0]) == 0.0


def test_everybody_has_a_number_of_their_own() -> None:
    numbers = {number_of(index) for index in range(50_000)}
    assert len(numbers) == 50_000 and all(map(is_e164, numbers))
    assert len(json.loads(campaign(3))["recipients"]) == 3


async def test_the_static_carrier_answers_what_our_client_expects() -> None:
    book = Book()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(book), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    carrier = PretendCarrier(PretendSettings(base_url=f"http://127.0.0.1:{port}"), 5)
    try:
        taken = await asyncio.gather(*(carrier.send(handoff(index)) for index in range(20)))
    finally:
        await carrier.close()
        server.close()
    assert {one.carrier_id for one in taken} == {f"static-{n}" for n in range(1, 21)}
    assert json.loads(book.stats())["count"] == 20


def test_no_file_of_the_benchmark_is_long() -> None:
    files = Path(__file__).parent.parent.joinpath("bench").rglob("*.py")
    assert [file.name for file in files if len(file.read_text("utf-8").splitlines()) > 300] == []
