"""Instants, and how they are written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.instants import (
    DAY,
    Instant,
    instant_of,
    iso,
    iso_or_none,
    moment_of,
    read_instant,
)

instants = st.integers(0, 250 * 365 * DAY)


@given(instants)
def test_an_instant_survives_being_a_datetime_and_a_text(instant: Instant) -> None:
    assert instant_of(moment_of(instant)) == instant
    assert instant_of(datetime.fromisoformat(iso(instant))) == instant


@given(instants)
def test_written_instants_sort_as_instants_do(instant: Instant) -> None:
    assert iso(instant) < iso(instant + 1)


@pytest.mark.parametrize(
    ("instant", "written"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (1_741_700_000_123, "2025-03-11T13:33:20.123Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
    ],
)
def test_an_instant_is_written_in_utc_with_milliseconds(instant: Instant, written: str) -> None:
    assert iso(instant) == written


def test_a_datetime_without_a_zone_is_read_as_utc() -> None:
    naive = datetime(2025, 3, 11, 13, 33, 20)
    assert instant_of(naive) == instant_of(naive.replace(tzinfo=UTC)) == 1_741_700_000_000


def test_a_zone_changes_how_a_moment_is_written_and_not_which_it_is() -> None:
    sydney = datetime(2025, 3, 12, 0, 33, 20, tzinfo=timezone(timedelta(hours=11)))
    assert instant_of(sydney) == 1_741_700_000_000


def test_no_instant_is_passed_through() -> None:
    assert iso_or_none(None) is None
    assert iso_or_none(0) == iso(0)


@given(instants)
def test_a_written_instant_is_read_as_itself_in_any_case_and_zone(instant: Instant) -> None:
    assert read_instant(iso(instant)) == read_instant(iso(instant).lower()) == instant
    sydney = moment_of(instant).astimezone(timezone(timedelta(hours=11)))
    assert read_instant(sydney.isoformat()) == read_instant(str(sydney)) == instant


def test_a_time_without_a_zone_is_utc_and_seconds_may_be_left_out_where_that_is_allowed() -> None:
    noon = read_instant("2026-12-01T12:00:00Z")
    assert read_instant("2026-12-01T12:00:00") == noon == read_instant("2026-12-01t12:00:00.0z")
    assert read_instant("2026-12-01T12:00Z", whole_minutes=True) == noon
    assert read_instant("2026-12-01T17:30+0530", whole_minutes=True) == noon
    assert read_instant("2026-12-01", whole_days=True) == noon - DAY // 2
    with pytest.raises(ValueError, match="seconds"):
        read_instant("2026-12-01T12:00Z")
    for date in ("2026-12-01", "2026-12-01 "):
        with pytest.raises(ValueError):
            read_instant(date, whole_minutes=True)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "tomorrow",
        "2026-12-01x10:00:00Z",
        "2026-12-01T10:00:00ZZ",
        "2026-12-01T10:00:00+1",
        "2026-12-01T10:00:00+25:00",
        "2026-12-01T24:00:01Z",
        "2026-02-30T10:00:00Z",
        "2026-12-01T10",
        "20261201T100000Z",
        "2026-W49-2T10:00:00Z",
        "2026-12-01Z",
        "1733047200",
        "\u0662026-12-01T10:00:00Z",
        "2026-12-01T10:00:00Z\n",
    ],
)
def test_what_is_no_time_is_refused_with_a_sentence(written: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        read_instant(written, whole_minutes=True, whole_days=True)
