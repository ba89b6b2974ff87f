"""Instants, and how they are written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.instants import DAY, Instant, instant_of, iso, iso_or_none, moment_of

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
