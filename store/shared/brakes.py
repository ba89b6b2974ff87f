"""What keeps a campaign from sending: the one condition that every claim and repeat obeys."""

from sqlalchemy import Connection, text

from campaign.instants import Instant

ACCOUNT_CLOSED = "account_closed"

# Another brake is another WHEN here. Whatever is no status pauses the campaign, with the value as
# its problem (store/campaigns/orders.py).
_BRAKE = text("""
    SELECT CASE
        WHEN campaign.ordered = 'cancel' THEN 'cancelled'
        WHEN campaign.status NOT IN ('scheduled', 'running') THEN campaign.status
        WHEN NOT account.active THEN 'account_closed'
        END AS brake
    FROM campaign JOIN account ON account.id = campaign.account_id
    WHERE campaign.id = :campaign
""")
# Says what the brake of a closed account does anyway; the order is for the workflows.
_PAUSE_CAMPAIGNS = text("""
    UPDATE campaign SET
        status = 'paused', paused_at = :now, paused_by = 'system', problem = :problem,
        ordered = 'pause',
        ordered_at = CASE WHEN ordered_at >= :now THEN ordered_at + 1 ELSE CAST(:now AS BIGINT) END
    WHERE account_id = :account AND COALESCE(ordered, '') <> 'cancel'
        AND (status IN ('scheduled', 'running') OR (status = 'paused' AND ordered = 'resume'))
""")


def brake_of(connection: Connection, campaign_id: str) -> str | None:
    """Return why a campaign must not send now, None when it may.

    Read without a lock: a claim that read it just before an order was committed is under way as a
    request is, for the length of its transaction.
    """
    brake = connection.execute(_BRAKE, {"campaign": campaign_id}).scalar_one()
    return None if brake is None else str(brake)


def pause_campaigns(connection: Connection, account_id: str, now: Instant) -> None:
    """Pause every campaign of a closed account that is scheduled or running, by the system."""
    values = {"account": account_id, "now": now, "problem": ACCOUNT_CLOSED}
    connection.execute(_PAUSE_CAMPAIGNS, values)
