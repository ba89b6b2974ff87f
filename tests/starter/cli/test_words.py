"""Instants in words."""

import time

import pytest

from campaign.instants import DAY, HOUR, MINUTE, SECOND
from starter.cli.words import both_clocks, relative, when
from tests.store.builders import NOW


@pytest.mark.parametrize(
    ("away", "expected"),
    [
        (0, "now"),
        (999, "now"),
        (SECOND, "in 1 second"),
        (-90 * SECOND, "2 minutes ago"),
        (59 * MINUTE, "in 59 minutes"),
        (-HOUR, "1 hour ago"),
        (36 * HOUR, "in 2 days"),
        (-4_000 * DAY, "4,000 days ago"),
    ],
)
def test_an_instant_is_told_from_now(away: int, expected: str) -> None:
    assert relative(NOW + away, NOW) == expected
    assert when(NOW + away, NOW).endswith(f" UTC ({expected})")


def test_an_instant_is_told_on_both_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        expected = "2024-10-04 00:00:00 UTC, here 2024-10-04 05:30:00 +05:30"
        assert both_clocks(NOW) == expected
    finally:
        monkeypatch.undo()
        time.tzset()
