"""What is told, under which name, and when a call that failed is made again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign.events import (
    TRY_WAITS,
    EndpointMethod,
    Event,
    EventEndpoint,
    callback_id,
    destination_of,
    hears,
    next_call_at,
)
from campaign.instants import DAY, HOUR, MINUTE, SECOND
from tests.campaign.making import composed, draft, recipients

PLAN = 75 * HOUR + 35 * MINUTE + 5 * SECOND


def instants(jitter: float) -> list[int]:
    found: list[int] = []
    at: int | None = 0
    while at is not None:
        found.append(at)
        at = next_call_at(at, len(found), jitter)
    return found


def test_ten_tries_take_seventy_five_hours_and_a_half() -> None:
    tries = instants(jitter=0.0)
    assert len(tries) == 10
    assert tries[:4] == [0, 5 * SECOND, 5 * MINUTE + 5 * SECOND, 35 * MINUTE + 5 * SECOND]
    assert tries[-1] == PLAN


@given(st.floats(0.0, 1.0, exclude_max=True))
def test_luck_only_ever_lengthens_a_wait_and_by_a_tenth_at_most(jitter: float) -> None:
    tries = instants(jitter)
    waits = [later - sooner for sooner, later in zip(tries, tries[1:], strict=False)]
    for wait, planned in zip(waits, TRY_WAITS[1:], strict=True):
        assert planned <= wait <= planned * 1.1


@pytest.mark.parametrize(
    ("tries", "retry_after", "wait"),
    [
        (1, 60.0, MINUTE),
        (1, 1.0, 5 * SECOND),
        (1, 0.0, 5 * SECOND),
        (1, -5.0, 5 * SECOND),
        (1, float("nan"), 5 * SECOND),
        (1, 1e300, DAY),
        (9, 60.0, 24 * HOUR),
    ],
)
def test_a_receivers_wish_lengthens_a_wait_within_a_day(
    tries: int, retry_after: float, wait: int
) -> None:
    assert next_call_at(1_000, tries, 0.0, retry_after) == 1_000 + wait


def test_nothing_is_tried_an_eleventh_time_whoever_wishes_it() -> None:
    assert next_call_at(0, 10, 0.0, 5.0) is None


@pytest.mark.parametrize(
    ("wanted", "heard"),
    [
        (["*"], True),
        (["message.*"], True),
        (["message.sent"], True),
        (["campaign.*", "message.failed"], False),
        ([], False),
    ],
)
def test_a_subscription_names_events_families_or_all(wanted: list[str], heard: bool) -> None:
    assert hears(wanted, Event.MESSAGE_SENT) is heard


def test_addresses_of_one_server_share_a_destination_and_accounts_never_do() -> None:
    mine = destination_of("acc_1", "https://a.example/one?to=%2B14155550123")
    assert destination_of("acc_1", "https://A.example/two") == mine
    others = {
        destination_of("acc_2", "https://a.example/one"),
        destination_of("acc_1", "http://a.example/one"),
        destination_of("acc_1", "https://a.example:8443/one"),
        destination_of("acc_1", "https://b.example/one"),
        destination_of("acc_1", "https://["),
    }
    assert mine not in others and len(others) == 5
    assert mine.startswith("dst_") and "example" not in mine


def test_the_same_event_has_one_id_without_a_dot() -> None:
    name = callback_id("whk_1", Event.MESSAGE_SENT, "msg_1", 5)
    assert name == callback_id("whk_1", Event.MESSAGE_SENT, "msg_1", 5)
    assert "." not in name and name.startswith("cbk_")
    assert name not in {
        callback_id("whk_2", Event.MESSAGE_SENT, "msg_1", 5),
        callback_id("whk_1", Event.MESSAGE_FAILED, "msg_1", 5),
        callback_id("whk_1", Event.MESSAGE_SENT, "msg_2", 5),
        callback_id("whk_1", Event.MESSAGE_SENT, "msg_1", 6),
    }


def test_a_message_takes_its_recipients_address_or_else_the_campaigns() -> None:
    own = EventEndpoint("https://a.example/", EndpointMethod.GET)
    shared = EventEndpoint("https://b.example/")
    people = [*recipients(1, endpoint=own), *recipients(2)[1:]]
    messages = composed(draft(people, endpoint=shared)).messages
    assert [(message.callback_url, message.callback_method) for message in messages] == [
        ("https://a.example/", "GET"),
        ("https://b.example/", "POST"),
    ]
    (nothing,) = composed(draft(1)).messages
    assert (nothing.callback_url, nothing.callback_method) == (None, None)
