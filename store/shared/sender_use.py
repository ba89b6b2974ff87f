"""What still waits to leave from a sender, so that nobody takes it away meanwhile."""

from collections.abc import Mapping

from sqlalchemy import Connection, text

from store.database.engine import StoreError

# A draft counts, because it may be admitted; so does a message in state unknown, because it may be
# requeued until its campaign has ended.
_MESSAGES = """
    FROM campaign JOIN message ON message.campaign_id = campaign.id
    WHERE campaign.status IN ('draft', 'preparing', 'scheduled', 'running', 'paused')
        AND message.status IN ('queued', 'retryable', 'sending', 'unknown')
"""
_WAITING = text(f"""
    SELECT count(*) {_MESSAGES}
        AND lower(message.sender) = :name
        AND (CAST(:account AS VARCHAR) IS NULL OR campaign.account_id = :account)
""")
_BY_SENDER = text(f"""
    SELECT lower(message.sender) AS name, count(*) AS waiting {_MESSAGES}
        AND campaign.account_id = :account
    GROUP BY lower(message.sender)
""")


class SenderInUse(StoreError):
    """Messages wait to leave from the sender, so it is not removed."""

    def __init__(self, address: str, waiting: int) -> None:
        wait = "message waits" if waiting == 1 else "messages wait"
        super().__init__(
            f"{waiting:,} {wait} to leave from {address}: cancel their campaigns or wait for "
            "their end, then remove it"
        )


def check_unused(connection: Connection, address: str, account_id: str | None = None) -> None:
    """Raise SenderInUse while a campaign of the account, or of any, has messages for the sender."""
    values = {"name": address.lower(), "account": account_id}
    waiting = connection.execute(_WAITING, values).scalar_one()
    if waiting:
        raise SenderInUse(address, waiting)


def waiting_by_sender(connection: Connection, account_id: str) -> Mapping[str, int]:
    """How many messages of an account wait to leave from each sender, by its name in lower case."""
    rows = connection.execute(_BY_SENDER, {"account": account_id})
    return {row.name: row.waiting for row in rows}
