"""The timeline of a campaign counts each message where it was due, sent and at its end."""

from campaign.instants import DAY, SECOND
from campaign.states import MessageStatus
from campaign.timeline import POINTS_MAX, TimelinePoint
from tests.store.builders import NOW, StoreBuilder, outcome


def test_messages_count_where_they_were_due_sent_and_at_their_end(builder: StoreBuilder) -> None:
    campaign = builder.admit(6)
    builder.execute("UPDATE message SET due_at = due_at + 2000 WHERE position = 5")
    builder.claimed(campaign)
    builder.write(
        campaign,
        outcome(0, at=NOW + SECOND),
        outcome(1, at=NOW + SECOND),
        outcome(2, at=NOW + SECOND),
        outcome(3, MessageStatus.FAILED, at=NOW + 3 * SECOND, code="blocked"),
    )
    for position, status in ((0, "delivered"), (1, "undelivered")):
        builder.execute(
            "UPDATE message SET status = :status, final_at = :at WHERE position = :position",
            status=status,
            at=NOW + 3 * SECOND + 1,
            position=position,
        )
    builder.execute("UPDATE message SET status = 'cancelled', final_at = 0 WHERE position = 4")
    assert builder.store.timelines.read(campaign) == [
        TimelinePoint(NOW, planned=4),
        TimelinePoint(NOW + SECOND, sent=3),
        TimelinePoint(NOW + 2 * SECOND, planned=1),
        TimelinePoint(NOW + 3 * SECOND, delivered=1, failed=2),
    ]


def test_a_campaign_without_a_plan_has_no_points(builder: StoreBuilder) -> None:
    campaign = builder.admit(2)
    builder.execute("UPDATE message SET status = 'skipped', reason = 'opted_out'")
    assert builder.store.timelines.read(campaign) == []
    assert builder.store.timelines.read("cmp_nobody") == []


def test_two_weeks_are_two_hundred_points_at_most(builder: StoreBuilder) -> None:
    campaign = builder.admit(500)
    builder.execute("UPDATE message SET due_at = due_at + position * :step", step=14 * DAY // 500)
    points = builder.store.timelines.read(campaign)
    assert 150 < len(points) <= POINTS_MAX
    assert sum(point.planned for point in points) == 500
    widths = {after.at - before.at for before, after in zip(points, points[1:], strict=False)}
    assert len(widths) == 1
