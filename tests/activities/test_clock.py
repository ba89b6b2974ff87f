"""The server's time in a worker, of which nothing says how late an activity was delivered."""

from activities.clock import LATE_MAX, Clocks
from campaign.instants import HOUR, SECOND


def test_an_activity_that_was_delivered_late_does_not_put_the_clock_back() -> None:
    clocks = Clocks()
    assert clocks.learn(1_000_000, elapsed=0) == 1_000_000
    # It began at the server while this worker was frozen for 25 seconds.
    assert clocks.learn(1_000_000 - 25 * SECOND, elapsed=26 * SECOND) == 1_000_000
    assert clocks.learn(1_000_003, elapsed=27 * SECOND) == 1_000_003


def test_a_server_whose_clock_was_put_back_is_followed() -> None:
    clocks = Clocks()
    clocks.learn(0, elapsed=0)
    assert clocks.learn(-HOUR, elapsed=SECOND) == -HOUR
    # A few seconds back could be a late delivery, and are believed when all of them say so.
    assert clocks.learn(-HOUR - 5 * SECOND, elapsed=2 * SECOND) == -HOUR
    assert clocks.learn(-HOUR - 5 * SECOND, elapsed=2 * SECOND + LATE_MAX) == -HOUR - 5 * SECOND


def test_a_server_that_leaps_ahead_is_followed_at_once() -> None:
    clocks = Clocks()
    clocks.learn(0, elapsed=0)
    assert clocks.learn(HOUR, elapsed=SECOND) == HOUR
