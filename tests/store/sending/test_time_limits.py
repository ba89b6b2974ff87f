"""A claim keeps to the hours of its campaign and to its expiry, whatever made it come late."""

from campaign.instants import DAY, HOUR, MINUTE, SECOND, Instant, read_instant
from campaign.ports import ChunkRange
from campaign.sending_windows import Outside, Purpose, Window, make_window
from campaign.states import CampaignStatus
from store.sending.time_limits import TimeLimits
from tests.store.builders import GRANTED, StoreBuilder, outcome

# Numbers of the builder are in San Francisco.
EVENING = read_instant("2026-12-02T20:30:00-08:00")
CLOSING = read_instant("2026-12-02T21:00:00-08:00")
MORNING = read_instant("2026-12-03T08:00:00-08:00")


def window(since: str = "09:00", until: str = "17:00", **members: object) -> Window:
    """A window that is right."""
    made, *_ = make_window(since, until, **members)  # type: ignore[arg-type]
    assert made is not None
    return made


def due(builder: StoreBuilder, campaign_id: str) -> list[Instant]:
    """When each message is due, by position."""
    messages = builder.store.campaigns.messages(campaign_id, limit=1_000)
    return [message.due_at for message in messages]


def reasons(builder: StoreBuilder, campaign_id: str) -> set[tuple[str, str | None]]:
    """The states of the messages with their reasons."""
    messages = builder.store.campaigns.messages(campaign_id, limit=1_000)
    return {(message.status.value, message.reason) for message in messages}


def test_marketing_that_comes_late_waits_for_the_morning_and_a_transactional_text_leaves(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(5, now=EVENING, purpose=Purpose.MARKETING)
    other = builder.admit(5, now=EVENING, purpose=Purpose.TRANSACTIONAL)
    (first,) = builder.flush_and_claim(campaign, claim=1, now=EVENING).claimed
    assert first.leave_by == CLOSING
    night = CLOSING + 2 * HOUR
    late = builder.flush_and_claim(campaign, now=night)
    assert (late.claimed, late.deferred, late.skipped, late.exhausted) == ([], 4, 0, True)
    assert due(builder, campaign) == [EVENING, *[MORNING] * 4]
    assert builder.statuses(campaign) == ["sending", *["queued"] * 4]
    # Run again, nothing changes; in the morning they leave.
    assert builder.flush_and_claim(campaign, now=night + MINUTE).deferred == 0
    assert builder.claimed(campaign, now=MORNING - 1) == []
    assert builder.claimed(campaign, now=MORNING) == [1, 2, 3, 4]
    assert builder.claimed(other, now=night) == [0, 1, 2, 3, 4]


def test_a_window_that_skips_skips_what_comes_late(builder: StoreBuilder) -> None:
    skips = window(outside=Outside.SKIP, time_zone="America/Los_Angeles")
    campaign = builder.admit(3, now=EVENING, window=skips)
    result = builder.flush_and_claim(campaign, now=EVENING)
    assert (result.claimed, result.deferred, result.skipped) == ([], 0, 3)
    assert reasons(builder, campaign) == {("skipped", "outside_window")}
    builder.store.admissions.settle(campaign, CampaignStatus.FINISHED, EVENING)
    assert builder.money() == (GRANTED, 0, 0)


def test_the_zone_that_a_recipient_names_counts_instead_of_the_numbers(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(2, now=EVENING, purpose=Purpose.MARKETING)
    builder.execute("UPDATE message SET time_zone = 'America/New_York' WHERE position = 1")
    assert builder.claimed(campaign, now=EVENING) == [0]
    assert due(builder, campaign)[1] == read_instant("2026-12-03T08:00:00-05:00")


def test_what_was_left_by_a_dead_attempt_is_not_repeated_at_night(builder: StoreBuilder) -> None:
    campaign = builder.admit(1, now=EVENING, purpose=Purpose.MARKETING)
    builder.flush_and_claim(campaign, token="dead", now=EVENING)
    chunk = ChunkRange(campaign, 0, 1, CLOSING)
    (handoff,), _ = builder.store.sending.abandoned(chunk, "t")
    assert handoff.leave_by == CLOSING


def test_what_has_not_left_when_the_campaign_expires_is_skipped_and_its_credits_come_back(
    builder: StoreBuilder,
) -> None:
    ends = EVENING + HOUR
    campaign = builder.admit(4, now=EVENING, expires_at=ends, validity_seconds=7_200)
    (sent,) = builder.flush_and_claim(campaign, claim=1, now=EVENING).claimed
    assert (sent.leave_by, sent.validity_seconds) == (ends, 3_600)
    builder.flush_and_claim(campaign, [outcome(0, at=EVENING)], claim=0)
    assert builder.claimed(campaign, claim=1, now=ends - 1) == [1]
    builder.flush_and_claim(campaign, [outcome(1, at=ends - 1)], claim=0)
    late = builder.flush_and_claim(campaign, now=ends)
    assert (late.claimed, late.skipped, late.exhausted) == ([], 2, True)
    assert reasons(builder, campaign) == {("sent", None), ("skipped", "expired")}
    assert builder.store.admissions.has_expired(campaign)
    builder.store.admissions.settle(campaign, CampaignStatus.FINISHED, ends)
    assert builder.money() == (GRANTED - 4, 0, 4)


def test_an_expiry_in_years_asks_no_carrier_to_try_for_longer_than_a_week(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(1, now=EVENING, expires_at=EVENING + 100 * 366 * DAY)
    (handoff,) = builder.flush_and_claim(campaign, now=EVENING).claimed
    assert handoff.validity_seconds == 7 * 24 * 3600


def test_a_message_that_may_have_left_is_unknown_when_its_campaign_expires(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(1, now=EVENING, expires_at=EVENING + HOUR)
    builder.execute("UPDATE message SET was_unknown = TRUE, status = 'retryable'")
    builder.flush_and_claim(campaign, now=EVENING + HOUR)
    assert builder.statuses(campaign) == ["unknown"]


def test_the_planner_looks_at_what_is_due_later_when_the_campaign_expires(
    builder: StoreBuilder,
) -> None:
    ends = EVENING + HOUR
    campaign = builder.admit(2, now=EVENING, due_at=ends + DAY, expires_at=ends)
    rows = builder.store.admissions.waiting_rows(campaign, 10)
    assert [row.due_at for row in rows] == [ends, ends]


def test_a_pause_into_the_night_goes_on_in_the_morning_as_evenly_as_before(
    builder: StoreBuilder,
) -> None:
    campaign = builder.admit(40, now=EVENING, purpose=Purpose.MARKETING)
    builder.execute("UPDATE message SET due_at = due_at + 60000 * position")
    assert builder.send(campaign, now=EVENING + 9 * MINUTE) == list(range(10))
    paused_at = EVENING + 10 * MINUTE - SECOND
    builder.store.campaigns.set_status(campaign, CampaignStatus.PAUSED, paused_at)
    builder.store.plans.shift(campaign, 1, by=3 * HOUR)
    morning = due(builder, campaign)[10:]
    assert morning[0] == MORNING + SECOND
    gaps = {later - sooner for sooner, later in zip(morning, morning[1:], strict=False)}
    # The builder planned ten of them past the end of the evening, where time did not count.
    assert gaps <= {0, MINUTE}
    assert builder.store.plans.shift(campaign, 1, by=3 * HOUR) == 1
    assert due(builder, campaign)[10:] == morning


def test_another_start_and_another_spread_keep_to_the_hours(builder: StoreBuilder) -> None:
    campaign = builder.admit(5, now=EVENING, purpose=Purpose.MARKETING)
    night = CLOSING + 2 * HOUR
    builder.store.plans.shift(campaign, 1, by=night - EVENING, scheduled_at=night)
    assert due(builder, campaign) == [MORNING] * 5
    builder.store.plans.respread(campaign, 2, 5.0, EVENING, scheduled_at=CLOSING - 2 * HOUR)
    evening = [CLOSING - 2 * HOUR, CLOSING - HOUR]
    assert due(builder, campaign) == [*evening, MORNING, MORNING + HOUR, MORNING + 2 * HOUR]


def test_a_campaign_without_hours_looks_at_no_row() -> None:
    limits = TimeLimits(None, None, None)
    assert limits.closed([object()], EVENING) == {}  # type: ignore[list-item]
