"""Routes: who gets a message next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.routing import Choice, choose, read_route

ROUTE = ("a", "b", "c")


def test_attempts_go_round_the_route() -> None:
    chosen = [choose(ROUTE, attempts, ()) for attempts in range(5)]
    assert chosen == [
        Choice("a", 1, True),
        Choice("b", 1, True),
        Choice("c", 1, False),
        Choice("a", 2, True),
        Choice("b", 2, True),
    ]


def test_the_only_carrier_gets_every_attempt_and_each_is_a_round() -> None:
    assert [choose(("a",), attempts, ()) for attempts in range(2)] == [
        Choice("a", 1, False),
        Choice("a", 2, False),
    ]


def test_a_carrier_that_is_down_is_passed_over() -> None:
    assert choose(ROUTE, 0, {"a"}) == Choice("b", 1, True)
    assert choose(ROUTE, 0, {"a", "c"}) == Choice("b", 1, False)
    assert choose(ROUTE, 2, {"c"}) == Choice("a", 2, True)


def test_when_all_are_down_there_is_no_choice() -> None:
    assert choose(ROUTE, 1, set(ROUTE)) is None


@given(
    size=st.integers(1, 5), attempts=st.integers(0, 30), down=st.sets(st.integers(0, 4), max_size=5)
)
def test_a_choice_is_up_and_more_says_whether_another_of_the_round_is(
    size: int, attempts: int, down: set[int]
) -> None:
    route = tuple(map(str, range(size)))
    names = set(map(str, down))
    choice = choose(route, attempts, names)
    if choice is None:
        assert set(route) <= names
        return
    assert choice.carrier in route and choice.carrier not in names
    assert choice.round >= attempts // size + 1
    later = set(route[route.index(choice.carrier) + 1 :]) - names
    assert choice.more is bool(later)


@pytest.mark.parametrize(
    ("text", "route"),
    [
        (None, ()),
        ("", ()),
        ("b", ("b",)),
        (" b , a ", ("b", "a")),
        ("a,a,b", ("a", "b")),
        ("x,a", ("a",)),
        ("x", ()),
    ],
)
def test_a_route_is_read_with_the_carriers_in_use(text: str | None, route: tuple[str, ...]) -> None:
    assert read_route(text, ROUTE) == route
