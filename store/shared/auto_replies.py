"""Answers to STOP and HELP: recorded with the event that they answer, sent by the webhook worker.

A number gets one of each kind a day, so that two machines never answer each other without end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from campaign.events import Destination
from campaign.instants import DAY, Instant
from campaign.keywords import Keyword
from store.database.engine import Database
from store.shared.keyword_settings import settings_of
from store.shared.outbox import Outbox

# Stands for the account's name in an answer.
NAME_TAG = "{{ACCOUNT}}"
# A HELP of a number that stopped before is not answered; a STOP opted the number out just now.
_RECORD = text("""
    INSERT INTO auto_reply (account_id, number, kind, address, at, callback_id)
    SELECT id, CAST(:number AS VARCHAR), CAST(:kind AS VARCHAR), CAST(:address AS VARCHAR),
        CAST(:now AS BIGINT), CAST(:callback_id AS VARCHAR)
    FROM account
    WHERE id = :account_id AND (:kind = 'stop' OR NOT EXISTS (
        SELECT 1 FROM opt_out WHERE account_id = :account_id AND number = :number
    ))
    ON CONFLICT (account_id, number, kind) DO UPDATE SET
        address = excluded.address, at = excluded.at, callback_id = excluded.callback_id
    WHERE auto_reply.at <= :free_before
""")
_READ = text("""
    SELECT r.*, a.name FROM auto_reply r JOIN account a ON a.id = r.account_id
    WHERE r.callback_id = :callback
""")


@dataclass(frozen=True, slots=True)
class AutoReplyView:
    """An answer that is due: to whom, from which of our numbers, and with which text.

    ``text`` is None if the account wants none any more. ``paid`` says that it costs credits.
    """

    account_id: str
    number: str
    address: str
    kind: Keyword
    text: str | None
    paid: bool


def record(
    connection: Connection,
    outbox: Outbox,
    account_id: str,
    number: str,
    kind: Keyword,
    address: str,
    event_id: str,
    now: Instant,
) -> Sequence[Destination]:
    """Write the answer to a keyword in the caller's transaction, unless none is wanted or due.

    Returns whom to notify after the commit.
    """
    reply = settings_of(connection, account_id).reply(kind)
    if not reply:
        return []
    values = {
        "account_id": account_id,
        "number": number,
        "kind": kind.value,
        "address": address,
        "now": now,
        "free_before": now - DAY,
    }

    def claim(callback: str) -> bool:
        return connection.execute(_RECORD, {**values, "callback_id": callback}).rowcount > 0

    return outbox.record_auto_reply(connection, account_id, number, event_id, now, claim)


class AutoReplies:
    """Answers that are due, for the webhook worker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, callback_id: str) -> AutoReplyView | None:
        """The answer that a callback sends; None for any other callback."""

        def work(connection: Connection) -> AutoReplyView | None:
            row = connection.execute(_READ, {"callback": callback_id}).first()
            if row is None:
                return None
            settings, kind = settings_of(connection, row.account_id), Keyword(row.kind)
            reply = settings.reply(kind)
            return AutoReplyView(
                row.account_id,
                row.number,
                row.address,
                kind,
                reply.replace(NAME_TAG, row.name) if reply else None,
                settings.replies_paid,
            )

        return self._database.read_snapshot(work)
