"""A timeline has at most two hundred points at equal distances, which add up."""

from hypothesis import given
from hypothesis import strategies as st

from campaign.instants import DAY, HOUR, SECOND
from campaign.timeline import POINTS_MAX, TimelineCount, TimelinePoint, part_width, timeline


@given(st.integers(0, 300_000 * DAY), st.integers(1, 400))
def test_fewer_parts_than_allowed_fit_into_any_span(span: int, parts_max: int) -> None:
    width = part_width(span, parts_max)
    assert width >= SECOND and span // width < parts_max
    assert DAY % width == 0 or width % DAY == 0


@given(st.integers(0, 10**12), st.integers(0, 300_000 * DAY))
def test_points_at_multiples_of_the_width_are_never_too_many(first: int, span: int) -> None:
    width = part_width(span, POINTS_MAX - 1)
    last = first + span
    assert last // width - first // width + 1 <= POINTS_MAX


def test_the_parts_are_times_that_people_count_in() -> None:
    assert part_width(0, 199) == SECOND
    assert part_width(HOUR, 199) == 30 * SECOND
    assert part_width(6 * HOUR, 199) == 120 * SECOND
    assert part_width(14 * DAY, 199) == 2 * HOUR


def test_points_add_up_and_have_no_gap() -> None:
    counts = [
        TimelineCount(3, planned=10, sent=10, delivered=12),
        TimelineCount(1, planned=10, sent=12, failed=12),
        TimelineCount(2, planned=13),
        TimelineCount(1, failed=10, planned=10),
    ]
    assert timeline(counts, SECOND) == [
        TimelinePoint(10 * SECOND, planned=5, sent=3, failed=1),
        TimelinePoint(11 * SECOND),
        TimelinePoint(12 * SECOND, sent=1, delivered=3, failed=1),
        TimelinePoint(13 * SECOND, planned=2),
    ]


def test_nothing_has_no_points() -> None:
    assert timeline([], SECOND) == [] == timeline([TimelineCount(4)], SECOND)
