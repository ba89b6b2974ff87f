"""Another window or expiry for what waits: the plan moves into it, and claims obey it at once."""

import json
from typing import Any

from sqlalchemy import Connection

from campaign.instants import HOUR, MINUTE, Instant
from campaign.limits_changes import LimitsChange
from campaign.sending_windows import make_window, stored_window
from campaign.states import CampaignStatus, MessageStatus
from store.campaigns.outlooks import outlook
from tests.store.builders import NOW, StoreBuilder, outcome

# NOW is midnight in UTC.
NINE: Instant = NOW + 9 * HOUR


def window(since: str, until: str, outside: str = "defer") -> str:
    made, _, fault = make_window(since, until, time_zone="UTC")
    assert made is not None, fault
    stored = json.loads(stored_window(made) or "")
    return json.dumps({**stored, "outside": outside})


def dues(builder: StoreBuilder, campaign: str) -> list[Instant]:
    return [message.due_at for message in builder.store.campaigns.messages(campaign)]


def planned(builder: StoreBuilder, *due_at: Instant, within: str | None = None) -> str:
    """A running campaign whose messages are due then."""
    campaign = builder.admit(len(due_at))
    for position, due in enumerate(due_at):
        statement = "UPDATE message SET due_at = :due WHERE campaign_id = :id AND position = :at"
        builder.execute(statement, due=due, id=campaign, at=position)
    statement = "UPDATE campaign SET sending_window = :window WHERE id = :id"
    builder.execute(statement, window=within, id=campaign)
    return campaign


def change(builder: StoreBuilder, campaign: str, limits: LimitsChange, now: Instant = NOW) -> int:
    return builder.store.plans.change_limits(campaign, 1, limits, now)


def test_open_time_that_is_left_is_kept_in_the_new_hours(builder: StoreBuilder) -> None:
    old = window("09:00", "20:00")
    campaign = planned(builder, NINE, NINE + HOUR, NINE + 4 * HOUR, within=old)
    limits = LimitsChange(has_window=True, window=window("10:00", "12:00"))
    assert change(builder, campaign, limits) == 1
    ten = NOW + 10 * HOUR
    assert dues(builder, campaign) == [ten, ten + HOUR, ten + 48 * HOUR]


def test_a_window_is_given_and_taken_away(builder: StoreBuilder) -> None:
    campaign = planned(builder, NOW, NOW + HOUR)
    store = builder.store
    given = LimitsChange(has_window=True, window=window("09:00", "20:00"))
    assert store.plans.change_limits(campaign, 1, given, NOW) == 1
    assert dues(builder, campaign) == [NINE, NINE + HOUR]
    taken = LimitsChange(has_window=True)
    assert store.plans.change_limits(campaign, 2, taken, NOW + MINUTE) == 2
    assert dues(builder, campaign) == [NOW + MINUTE, NOW + MINUTE + HOUR]
    assert builder.value("SELECT sending_window FROM campaign WHERE id = :id", id=campaign) is None


def test_the_same_change_again_and_one_out_of_its_order_change_nothing(
    builder: StoreBuilder,
) -> None:
    campaign = planned(builder, NOW)
    limits = LimitsChange(has_window=True, window=window("09:00", "20:00"))
    assert change(builder, campaign, limits) == change(builder, campaign, limits) == 1
    late = LimitsChange(has_window=True)
    assert builder.store.plans.change_limits(campaign, 5, late, NOW) == 1
    assert dues(builder, campaign) == [NINE]


def test_while_it_is_paused_the_plan_counts_from_the_pause(builder: StoreBuilder) -> None:
    campaign = planned(builder, NINE + HOUR, within=window("09:00", "20:00"))
    builder.store.campaigns.set_status(campaign, CampaignStatus.PAUSED, NINE)
    limits = LimitsChange(has_window=True, window=window("10:00", "20:00"))
    change(builder, campaign, limits, NINE + 5 * HOUR)
    assert dues(builder, campaign) == [NINE + 2 * HOUR]


def test_a_worker_that_knows_the_campaign_obeys_the_new_limits_at_its_next_claim(
    builder: StoreBuilder,
) -> None:
    campaign = planned(builder, NOW, NOW, NOW)
    assert builder.claimed(campaign, high=1) == [0]
    change(builder, campaign, LimitsChange(has_window=True, window=window("09:00", "20:00")))
    builder.execute("UPDATE message SET due_at = :now WHERE status = 'queued'", now=NOW)
    assert builder.claimed(campaign, high=2) == []
    assert builder.statuses(campaign) == ["sending", "queued", "queued"]
    expires = LimitsChange(has_expiry=True, expires_at=NINE)
    builder.store.plans.change_limits(campaign, 2, expires, NOW)
    builder.write(campaign, outcome(0))
    assert builder.claimed(campaign, now=NINE) == []
    assert builder.statuses(campaign) == ["sent", "skipped", "skipped"]


def test_an_expiry_is_taken_away(builder: StoreBuilder) -> None:
    campaign = planned(builder, NOW)
    builder.execute("UPDATE campaign SET expires_at = :at", at=NOW)
    assert builder.claimed(campaign, low=1) == []
    change(builder, campaign, LimitsChange(has_expiry=True))
    assert builder.claimed(campaign) == [0]


def late_after(builder: StoreBuilder, campaign: str, **change: object) -> tuple[int, int, int]:
    """What waits after a change, what of it is too late, and what has no room."""

    def look(connection: Connection, stuck: int) -> tuple[int, int, int]:
        found = outlook(connection, campaign)
        return found.waiting, found.late, stuck

    values: dict[str, Any] = {"hours": None, "earliest": NOW, "scheduled_at": None, **change}
    return builder.store.plans.preview(campaign, look=look, **values)


def test_a_preview_says_what_would_follow_and_changes_nothing(builder: StoreBuilder) -> None:
    campaign = planned(builder, NINE, NINE + 4 * HOUR, within=window("09:00", "20:00"))
    builder.execute("UPDATE campaign SET expires_at = :at", at=NINE + 6 * HOUR)
    limits = LimitsChange(has_window=True, window=window("10:00", "12:00"))
    assert late_after(builder, campaign, limits=limits) == (2, 1, 0)
    assert late_after(builder, campaign, scheduled_at=NOW + 22 * HOUR) == (2, 2, 0)
    assert late_after(builder, campaign, scheduled_at=NINE + HOUR) == (2, 0, 0)
    assert dues(builder, campaign) == [NINE, NINE + 4 * HOUR]
    assert builder.value("SELECT pauses_applied FROM campaign WHERE id = :id", id=campaign) == 0


def test_what_has_no_room_within_a_year_is_counted(builder: StoreBuilder) -> None:
    campaign = planned(builder, NOW, NOW, NOW, within=window("09:00", "09:01"))
    assert late_after(builder, campaign, hours=200.0)[2] > 0
    assert builder.statuses(campaign) == [MessageStatus.QUEUED] * 3
