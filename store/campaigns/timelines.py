"""The planned and the actual messages of a campaign over time."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from campaign.timeline import POINTS_MAX, TimelineCount, TimelinePoint, part_width, timeline
from store.database.engine import Database

# A message that is skipped or cancelled is not planned any more, and nothing else became of it.
# Both statements read the index ``message_queue`` alone.
_MESSAGES = """
    FROM message WHERE campaign_id = :campaign AND status NOT IN ('skipped', 'cancelled')
"""
_BOUNDS = text(f"""
    SELECT min(due_at) AS first_due, max(due_at) AS last_due,
        min(sent_at) AS first_sent, max(sent_at) AS last_sent,
        min(final_at) AS first_final, max(final_at) AS last_final
    {_MESSAGES}
""")
_COUNTS = text(f"""
    SELECT count(*) AS n, due_at / :width AS planned, sent_at / :width AS sent,
        CASE WHEN status = 'delivered' THEN final_at / :width END AS delivered,
        CASE WHEN status IN ('failed', 'undelivered') THEN final_at / :width END AS failed
    {_MESSAGES}
    GROUP BY planned, sent, delivered, failed
""")


class Timelines:
    """Reads the timelines of campaigns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, campaign_id: str) -> Sequence[TimelinePoint]:
        """The points of a campaign at equal distances, at most ``POINTS_MAX``, in order.

        Empty for a campaign of which nothing is planned, and for an unknown id.
        """

        def work(connection: Connection) -> Sequence[TimelinePoint]:
            values: dict[str, object] = {"campaign": campaign_id}
            instants = [at for at in connection.execute(_BOUNDS, values).one() if at is not None]
            if not instants:
                return []
            # Points are at multiples of the width, so that one more than fits may be needed.
            width = part_width(max(instants) - min(instants), POINTS_MAX - 1)
            rows = connection.execute(_COUNTS, {**values, "width": width})
            return timeline((TimelineCount(*row) for row in rows), width)

        return self._database.read_snapshot(work)
