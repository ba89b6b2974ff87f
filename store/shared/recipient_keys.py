"""Recipient keys: claimed when sending, spent for 48 hours by a success, else free again.

Every function works inside its caller's transaction. The primary key (account, key) decides
every race.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from campaign.instants import Instant
from campaign.keys import free_at

_CLAIM = text("""
    INSERT INTO recipient_key (account_id, key, campaign_id, position, message_id, free_at)
    VALUES (:account, :key, :campaign, :position, :message, NULL)
    ON CONFLICT (account_id, key) DO UPDATE SET
        campaign_id = excluded.campaign_id,
        position = excluded.position,
        message_id = excluded.message_id,
        free_at = NULL
    WHERE recipient_key.free_at <= :now OR (
        recipient_key.campaign_id = excluded.campaign_id
        AND recipient_key.position = excluded.position
    )
    RETURNING message_id
""")
_HOLDER = text("""
    SELECT k.message_id, k.free_at, m.status, m.was_unknown
    FROM recipient_key k
    LEFT JOIN message m ON m.campaign_id = k.campaign_id AND m.position = k.position
    WHERE k.account_id = :account AND k.key = :key
""")
# A message that was deferred has lost its key, and may still turn out to have been sent.
_SPEND = text("""
    INSERT INTO recipient_key (account_id, key, campaign_id, position, message_id, free_at)
    SELECT CAST(:account AS VARCHAR), CAST(:key AS VARCHAR), m.campaign_id, m.position, m.id,
        CAST(:free_at AS BIGINT)
    FROM message m
    WHERE m.campaign_id = :campaign AND m.position = :position
    ON CONFLICT (account_id, key) DO UPDATE SET
        campaign_id = excluded.campaign_id,
        position = excluded.position,
        message_id = excluded.message_id,
        free_at = excluded.free_at
    WHERE recipient_key.free_at <= :at OR (
        recipient_key.free_at IS NULL
        AND recipient_key.campaign_id = excluded.campaign_id
        AND recipient_key.position = excluded.position
    )
""")
_RELEASE = text("""
    DELETE FROM recipient_key
    WHERE account_id = :account AND key = :key AND campaign_id = :campaign
        AND position = :position AND free_at IS NULL
""")


@dataclass(frozen=True, slots=True)
class KeyTaken:
    """Another message has the key: ``spent`` when it was sent or may have been, else in use."""

    message_id: str
    spent: bool


def claim(
    connection: Connection,
    account_id: str,
    key: str,
    campaign_id: str,
    position: int,
    message_id: str,
    now: Instant,
) -> KeyTaken | None:
    """Claim a key for a message; None when the message has it now, or had it already."""
    values = {
        "account": account_id,
        "key": key,
        "campaign": campaign_id,
        "position": position,
        "message": message_id,
        "now": now,
    }
    if connection.execute(_CLAIM, values).first() is not None:
        return None
    holder = connection.execute(_HOLDER, values).one()
    # A holder that may have reached its recipient counts as sent.
    is_unknown = holder.status == "unknown" or bool(holder.was_unknown)
    return KeyTaken(holder.message_id, holder.free_at is not None or is_unknown)


def spend(
    connection: Connection, account_id: str, key: str, campaign_id: str, position: int, at: Instant
) -> None:
    """Spend a message's key for 48 hours from the send at ``at``.

    A key that another message has claimed or spent by now stays with that one.
    """
    connection.execute(
        _SPEND,
        {
            "account": account_id,
            "key": key,
            "campaign": campaign_id,
            "position": position,
            "free_at": free_at(at),
            "at": at,
        },
    )


def release(
    connection: Connection, account_id: str, key: str, campaign_id: str, position: int
) -> None:
    """Free a key that its message claimed and did not spend."""
    connection.execute(
        _RELEASE,
        {"account": account_id, "key": key, "campaign": campaign_id, "position": position},
    )
