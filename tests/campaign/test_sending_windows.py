"""Windows: what they admit, how they are written, and which hours a recipient has."""

import json
import time
from typing import Any

import pytest

from campaign.instants import DAY, HOUR, Instant, iso, read_instant
from campaign.legal_hours import BY_COUNTRY
from campaign.model import Draft, DraftRecipient
from campaign.refusals import RefusalCode, Refused
from campaign.sending_windows import (
    Outside,
    Purpose,
    Window,
    hours_of,
    make_window,
    stored_window,
    window_from_json,
    written_window,
)
from campaign.states import MessageStatus
from campaign.time_zones import possible_zones
from tests.campaign.making import composed, draft

NIGHT = read_instant("2026-12-02T23:00:00-05:00")
NEW_YORK, ANYWHERE = "+12125550123", "+18005550123"


def window(since: str, until: str, days: list[str] | None = None, **members: Any) -> Window:
    """A window that is right."""
    made, *_ = make_window(since, until, days, **members)
    assert made is not None
    return made


def opens(at: Instant, number: str = NEW_YORK, country: str | None = "US", **members: Any) -> str:
    """When marketing may leave for a number."""
    hours = hours_of(Purpose.MARKETING, members.get("window"))
    assert hours is not None
    found = hours.for_recipient(number, country, members.get("zone")).next_open(at)
    return "never" if found is None else iso(found)


def test_marketing_has_the_hours_of_the_place_that_the_number_tells() -> None:
    assert opens(NIGHT) == "2026-12-03T13:00:00.000Z"
    assert opens(NIGHT, zone="Asia/Tokyo") == iso(NIGHT)


def test_a_number_that_may_be_anywhere_waits_until_all_are_awake() -> None:
    assert len(possible_zones(ANYWHERE)) > 30
    assert opens(NIGHT, ANYWHERE) == "2026-12-03T22:00:00.000Z"


def test_a_number_of_no_known_place_gets_no_marketing() -> None:
    assert possible_zones("+883510000000123") == ()
    assert opens(NIGHT, "+883510000000123", None) == "never"
    assert opens(NIGHT, "+883510000000123", None, zone="Asia/Tokyo") == iso(NIGHT)


def test_stricter_countries_have_hours_of_their_own() -> None:
    noon = read_instant("2026-12-06T12:45:00+08:00")
    assert opens(noon, "+886912345678", "TW") == iso(read_instant("2026-12-06T13:30:00+08:00"))
    sunday = read_instant("2026-12-06T12:00:00+01:00")
    assert opens(sunday, "+33612345678", "FR") == iso(read_instant("2026-12-07T08:30:00+01:00"))
    assert all(
        "08:00" <= span[0] and span[1] <= "21:00" for one in BY_COUNTRY.values() for span in one[0]
    )


def test_a_window_narrows_the_legal_hours_and_cannot_widen_them() -> None:
    wide = window("00:00", "24:00", time_zone="America/New_York")
    assert opens(NIGHT, window=wide) == "2026-12-03T13:00:00.000Z"
    late = window("10:00", "24:00", days=["fri"])
    assert opens(NIGHT, window=late) == "2026-12-04T15:00:00.000Z"


def test_a_transactional_campaign_keeps_to_its_window_alone() -> None:
    assert hours_of(Purpose.TRANSACTIONAL, None) is None
    assert hours_of(None, None) is None
    hours = hours_of(None, window("09:00", "24:00", time_zone="America/New_York"))
    assert hours is not None
    assert hours.for_recipient("+883510000000123", None, None).next_open(NIGHT) == NIGHT


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        (("9:00", "10:00"), "from"),
        (("09:00", "24:01"), "to"),
        (("09:00", "09:00"), "to"),
        (("22:00", "06:00"), "to"),
        (("09:00", "10:00", []), "days"),
        (("09:00", "10:00", ["Mon"]), "days"),
        (("09:00", "10:00", None, "Mars/Base"), "timezone"),
        (("09:00", "10:00", None, "../../etc/passwd"), "timezone"),
        (("09:00", "10:00", None, "Europe"), "timezone"),
        (("09:00", "10:00", None, "x" * 10_000), "timezone"),
    ],
)
def test_a_fault_of_a_window_names_its_member(members: tuple[Any, ...], fault: str) -> None:
    made, member, what = make_window(*members)
    assert (made, member) == (None, fault)
    assert what


def test_a_window_is_stored_and_read_again_as_it_was() -> None:
    for one in (
        window("09:00", "24:00"),
        window("00:00", "12:30", ["sun", "tue"], time_zone="Europe/Paris", outside=Outside.SKIP),
    ):
        assert window_from_json(stored_window(one) or "") == one


@pytest.mark.parametrize("written", ["", "[]", "{}", "9-5", '{"from":9,"to":"10:00"}', '{"at":1}'])
def test_a_window_that_is_written_wrong_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="."):
        written_window(written)


def test_a_window_may_be_written_with_its_times_alone() -> None:
    stored = json.loads(written_window('{"from":"09:00","to":"20:00"}'))
    assert (stored["timezone"], stored["outside"], len(stored["days"])) == ("recipient", "defer", 7)


def plan(amount: int, hours: float, **members: Any) -> list[tuple[str, str | None, str]]:
    """What a draft to New York becomes."""
    people = [DraftRecipient(to=f"+1212555{index:04d}") for index in range(amount)]
    drafted: Draft = draft(people, spread_hours=hours, **members)
    return [
        (message.status.value, message.reason, iso(message.due_at))
        for message in composed(drafted, NIGHT - 3 * HOUR).messages
    ]


def test_a_spread_goes_on_in_the_morning_where_it_stopped() -> None:
    # From 20:00 on: one open hour in the evening, three in the morning.
    dues = [due for _, _, due in plan(8, 4.0, purpose=Purpose.MARKETING)]
    assert dues == [
        "2026-12-03T01:00:00.000Z",
        "2026-12-03T01:30:00.000Z",
        "2026-12-03T13:00:00.000Z",
        "2026-12-03T13:30:00.000Z",
        "2026-12-03T14:00:00.000Z",
        "2026-12-03T14:30:00.000Z",
        "2026-12-03T15:00:00.000Z",
        "2026-12-03T15:30:00.000Z",
    ]


def test_a_window_that_skips_skips_what_is_planned_outside_of_it() -> None:
    skips = window("09:00", "21:00", outside=Outside.SKIP)
    found = plan(4, 2.0, window=skips)
    assert [(status, reason) for status, reason, _ in found] == [
        ("queued", None),
        ("queued", None),
        (MessageStatus.SKIPPED.value, "outside_window"),
        (MessageStatus.SKIPPED.value, "outside_window"),
    ]


def test_a_recipients_own_schedule_is_moved_into_the_hours() -> None:
    own = DraftRecipient(to=NEW_YORK, scheduled_at=NIGHT + DAY)
    drafted = draft([own], purpose=Purpose.MARKETING)
    (message,) = composed(drafted, NIGHT).messages
    assert iso(message.due_at) == "2026-12-04T13:00:00.000Z"


def test_a_spread_that_its_window_has_no_year_for_is_refused_and_not_planned_for_centuries() -> (
    None
):
    minute_a_week = window("09:00", "09:01", ["mon"], time_zone="America/New_York")
    with pytest.raises(Refused) as caught:
        plan(1_000, 336.0, window=minute_a_week)
    (refusal,) = caught.value.refusals
    assert (refusal.code, refusal.place) == (RefusalCode.SPREAD_INVALID, "spreadHours")


def test_a_long_plan_in_short_hours_takes_few_steps_for_each_message() -> None:
    hour_a_day = window("09:00", "10:00", time_zone="America/New_York")
    began = time.monotonic()
    dues = [due for _, _, due in plan(5_000, 336.0, window=hour_a_day)]
    assert time.monotonic() - began < 5.0
    assert dues == sorted(dues)
    assert all(due[11:13] in ("13", "14") for due in dues)
    assert dues[-1] < "2027-11-10"
