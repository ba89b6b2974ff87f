"""The benchmark's arithmetic, its verdicts and its table, without measuring anything."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from bench.carrier import Connection, Taken
from bench.contenders import CONTENDERS
from bench.costs import per_message
from bench.figures import linear_fit_r2, median, percentile, spread
from bench.ours import SETUPS
from bench.results import Results, Verdict
from bench.rows.recovery import quiet
from bench.rows.sizes import Sizes
from bench.runs import NAMES, ROWS
from bench.series import Series, all_series, at_least, at_most
from bench.table import MARKS, markdown_table, notes, number, read_medians, terminal_table
from bench.usage import cpu_by_part, cpu_seconds, gained, resident_megabytes, sqlite_bytes
from bench.work import NUMBERS, WARM_UP, campaign, handoff, number_of
from campaign.lookups import NumberFacts
from campaign.phone import OfflineLookup, is_e164
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
    kept, unmeasured = results.grade(RATE)
    assert (kept.value, kept.verdict) == (0.75, Verdict.KEPT)
    assert (unmeasured.value, unmeasured.verdict) == (None, Verdict.OPEN)
    (post,) = results.grade(SECONDS)
    assert (post.value, post.verdict) == (0.7, Verdict.KEPT)


def test_a_budget_that_is_missed_is_shown_as_a_miss() -> None:
    results = measured()
    for run in results.runs:
        run["post"] += 1
    assert results.grade(SECONDS)[0].verdict is Verdict.MISSED
    assert MARKS[Verdict.MISSED] in markdown_table([SECONDS], results)


def test_what_failed_misses_its_budgets_and_says_why() -> None:
    results = Results([{}])
    results.fail(["post"], "no answer")
    assert results.grade(SECONDS)[0].verdict is Verdict.MISSED
    assert notes([SECONDS], results) == ["POST: failed: no answer"]
    assert "failed" in markdown_table([SECONDS], results)


def test_both_tables_show_a_line_for_each_budget() -> None:
    results = measured()
    results.runs[0] |= {"ours.worker": 0.2, "ours.api": 0.03}
    lines = markdown_table([RATE, SECONDS], results).splitlines()
    assert lines[2:] == [
        "| ours | 800/s | 75/s – 1,000/s | 0.75 |  "
        "| worker 0.20, API 0.03 | ≥ 0.7 × (a): 0.75 | ✓ |",
        "|  |  |  |  |  |  | ≥ 6 × (d): – | not measured |",
        "| POST | 0.70 s | 0.50 s – 9.00 s |  |  |  | ≤ 1 | ✓ |",
    ]
    assert terminal_table([RATE, SECONDS], results, "a title").row_count == 3


def test_a_figure_twice_as_bad_as_in_the_last_results_is_marked(tmp_path: Path) -> None:
    last, now, file = measured(), measured(), tmp_path / "results.md"
    for run in last.runs:
        run |= {"ours": run["ours"] * 2.5, "post": run["post"] / 1.9, "bytes": 1_000.0}
    size = Series("bytes", "bytes", "B")
    for run in now.runs:
        run["bytes"] = 3_000.0
    series = [RATE, SECONDS, size]
    file.write_text(markdown_table(series, last))
    now.last = read_medians(file)
    assert now.last == {("ours", "/s"): 2_000, ("POST", "s"): 0.37, ("bytes", "B"): 1_000}
    marks = [line.split(" | ")[-1] for line in markdown_table(series, now).splitlines()[2:]]
    assert marks == [
        "✓, 2.5 × slower than last time |",
        "not measured |",
        "✓ |",
        "3.0 × more than last time |",
    ]
    assert read_medians(tmp_path / "none.md") == {}


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
    names = [one.name for one in all_series(Sizes())]
    made = [one.name for one in CONTENDERS]
    made += [name for setup in SETUPS for name in setup.series]
    made += [name for row in ROWS for name in row.series]
    assert sorted(names) == sorted(made)
    assert len(NAMES) == len(set(NAMES))


def test_budgets_that_name_five_thousand_recipients_hold_from_there() -> None:
    small = {one.name: one.budgets for one in all_series(Sizes(count=1_000))}
    whole = {one.name: one.budgets for one in all_series(Sizes())}
    assert small["sqlite_two"] == small["history_per_100"] == ()
    assert len(whole["sqlite_two"]) == 6 and whole["history_per_100"] == (at_most(5),)
    assert (whole["submission"], whole["large"]) == ((at_most(0.3),), (at_most(3),))


def test_rates_have_budgets_with_one_worker_for_each_core() -> None:
    budgets = {one.name: one.budgets for one in all_series(Sizes())}
    assert budgets["sqlite"] == budgets["postgres_sending"] == ()
    of_bare = [budgets[name][0] for name in ("sqlite_two", "postgres_two_sending")]
    assert of_bare == [at_least(1.0, "bare"), at_least(0.7, "bare")]


def test_a_message_leaves_within_two_seconds_of_its_instant_and_never_before() -> None:
    series = {one.name: one.budgets for one in all_series(Sizes())}
    assert series["spread_p99"] == series["days_p99"] == (at_most(2),)
    assert series["spread_early"] == (at_most(0),)


def test_the_line_is_laid_through_four_sizes_up_to_the_largest() -> None:
    assert Sizes().growing == (1_000, 5_000, 25_000, 50_000)
    assert Sizes(count=500, large=2_000).growing == (100, 500, 1_000, 2_000)


def test_slow_contenders_send_fewer_and_nobody_else_does() -> None:
    slow = {one.name for one in CONTENDERS if one.slow}
    assert slow == {"httpx", "temporal", "celery", "procrastinate", "standalone"}
    assert WARM_UP < Sizes().slow < Sizes().count


def test_what_is_spent_is_told_per_message_where_both_readings_have_it() -> None:
    before = {"wal": 100.0, "writes": 5.0, "entries": 1.0, "worker": 1.0}
    after = {"wal": 2_100.0, "writes": 15.0, "entries": 3.0, "worker": 3.0, "api": 9.0}
    assert gained(before, after) == {"wal": 2_000, "writes": 10, "entries": 2, "worker": 2}
    assert per_message(before, after, 1_000) == pytest.approx(
        {"worker": 2.0, "wal": 2.0, "writes": 10.0, "entries": 2.0}
    )


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell")
def test_time_of_a_process_counts_its_children_the_dead_and_the_living() -> None:
    busy = "import sys\nfor _ in range(3_000_000): pass\nsys.stdout.write('done\\n')\n"
    before = cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", busy], check=True, stdout=subprocess.DEVNULL)
    dead = cpu_seconds(os.getpid())
    assert dead > before
    stay = busy + "sys.stdout.flush()\nsys.stdin.read()"
    living = subprocess.Popen(
        [sys.executable, "-c", stay], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with living:
        assert living.stdout is not None and living.stdout.readline() == b"done\n"
        assert cpu_seconds(os.getpid()) > dead
        resident = resident_megabytes(living.pid)
        assert resident is not None and 1 < resident < 1_000
        living.communicate()
    assert cpu_by_part({"gone": [living.pid]}) == {}
    assert resident_megabytes(living.pid) is None


def test_time_of_a_process_counts_grandchildren_and_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.usage.PROC", tmp_path)
    for pid, parent in ((5, 7), (6, 5), (7, 1), (8, 1)):
        (tmp_path / str(pid)).mkdir()
        times = " ".join([str(os.sysconf("SC_CLK_TCK"))] * 4)
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a) b) S {parent} {'0 ' * 9}{times} 0")
    assert [cpu_seconds(pid) for pid in (7, 5, 8)] == [12, 8, 4]


def test_pages_in_the_log_of_a_database_count_and_free_ones_do_not(tmp_path: Path) -> None:
    file = tmp_path / "some.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("CREATE TABLE some (text TEXT)")
        empty = sqlite_bytes(file)
        connection.execute("INSERT INTO some VALUES (?)", ("x" * 100_000,))
        assert 90_000 < sqlite_bytes(file) - empty < 110_000
        connection.execute("DELETE FROM some")
        assert sqlite_bytes(file) - empty < 10_000


def test_a_recovery_ends_with_the_silence_that_the_kill_brought() -> None:
    assert quiet([10.0, 10.1, 14.0, 14.1, 30.0]) == 4.0
    assert quiet([10.0, 10.1, 10.4]) == pytest.approx(0.3)
    assert quiet([10.0]) == 0.0


def test_everybody_has_a_number_of_their_own() -> None:
    numbers = {number_of(index) for index in range(50_000)}
    assert len(numbers) == 50_000 and all(map(is_e164, numbers))
    assert number_of(NUMBERS) == number_of(0)
    kinds = {OfflineLookup().look_up(number_of(index)) for index in range(0, NUMBERS, 7_919)}
    assert kinds == {NumberFacts(True, "US", "fixed_line_or_mobile", None)}


def test_campaigns_that_are_measured_have_other_numbers_and_the_same_texts() -> None:
    one, other = (json.loads(campaign(3, first=first))["recipients"] for first in (0, 3))
    assert [recipient["to"] for recipient in one + other] == [number_of(n) for n in range(6)]
    assert [recipient["text"] for recipient in one] == [recipient["text"] for recipient in other]


def test_a_note_that_neighbours_share_is_made_once() -> None:
    lines = [Series(name, name, "s") for name in ("one", "two", "three", "four")]
    results = Results([{}], notes={"one": "rare", "two": "rare", "three": "rare", "four": "odd"})
    assert notes(lines, results) == ["one, and the 2 below: rare", "four: odd"]
    del results.notes["two"]
    assert notes(lines, results) == ["one: rare", "three: rare", "four: odd"]


async def test_the_static_carrier_answers_what_our_client_expects() -> None:
    log = Taken()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(log), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    carrier = PretendCarrier(PretendSettings(base_url=f"http://127.0.0.1:{port}"), 5)
    try:
        taken = await asyncio.gather(*(carrier.send(handoff(index)) for index in range(20)))
    finally:
        await carrier.close()
        server.close()
    assert {one.carrier_id for one in taken} == {f"static-{n}" for n in range(1, 21)}
    assert json.loads(log.stats())["count"] == 20
    bodies = json.loads(log.all_bodies())
    assert {body["to"] for body in bodies} == {number_of(index) for index in range(20)}
    assert len(bodies) == len(log.times)
    log.clear()
    assert (json.loads(log.stats())["count"], json.loads(log.all_bodies())) == (0, [])


@pytest.mark.parametrize(("path", "status"), [("/messages", 201), ("/postback", 200)])
async def test_the_static_carrier_counts_what_a_messenger_posts_too(path: str, status: int) -> None:
    log = Taken()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(log), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        assert (await client.post(path, json={"body": "a"})).status_code == status
    server.close()
    assert (json.loads(log.stats())["count"], json.loads(log.all_bodies())) == (1, [{"body": "a"}])


def test_no_file_of_the_benchmark_is_long() -> None:
    files = Path(__file__).parent.parent.joinpath("bench").rglob("*.py")
    assert [file.name for file in files if len(file.read_text("utf-8").splitlines()) > 300] == []
