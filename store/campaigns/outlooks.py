"""What waits of a campaign, and how much of it is too late."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from campaign.instants import Instant

_OUTLOOK = text("""
    SELECT count(*) AS waiting,
      count(CASE WHEN due_at >= campaign.expires_at - :delay THEN 1 END) AS late
    FROM message JOIN campaign ON campaign.id = message.campaign_id
    WHERE campaign_id = :campaign AND message.status IN ('queued', 'retryable')
""")


@dataclass(frozen=True, slots=True)
class Outlook:
    """How many messages wait, and how many of them are due when the campaign expires or later."""

    waiting: int
    late: int


def outlook(connection: Connection, campaign_id: str, delay: Instant = 0) -> Outlook:
    """Look at a campaign inside the caller's transaction; all of it is due later by ``delay``."""
    return Outlook(*connection.execute(_OUTLOOK, {"campaign": campaign_id, "delay": delay}).one())
