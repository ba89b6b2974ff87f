"""Conversations: the inbound texts of an account by who wrote to which number, and their marks."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import TextClause, text

from campaign.inbound import InboundMessage
from campaign.instants import Instant
from campaign.people import ERASED
from store.database.engine import Database
from store.shared.reply_rows import inbound_of

# Of each conversation the newest text, or its newest unread one. Texts of erased people have no
# writer by which they belong together: each is shown by itself.
_PAGE = """
    SELECT m.*, (
        SELECT count(*) FROM inbound_message u
        WHERE u.account_id = m.account_id AND u.writer = m.writer AND u.number = m.number
            AND u.unread
    ) AS unread_count
    FROM inbound_message m
    WHERE m.account_id = :account {shown} {before} AND (m.writer = :erased OR NOT EXISTS (
        SELECT 1 FROM inbound_message n
        WHERE n.account_id = m.account_id AND n.writer = m.writer AND n.number = m.number
            AND (n.received_at, n.id) > (m.received_at, m.id) {newer}
    ))
    ORDER BY m.received_at DESC, m.id DESC
    LIMIT :limit
"""
_BEFORE = "AND (m.received_at, m.id) < (:at, :id)"
# More are not counted: every page asks.
UNREAD_MAX = 1_000
_UNREAD = text(f"""
    SELECT count(*) FROM (
        SELECT 1 FROM inbound_message WHERE account_id = :account AND unread LIMIT {UNREAD_MAX}
    ) AS found
""")
_IN_CONVERSATION = "account_id = :account AND writer = :writer AND number = :number"
_READ = text(f"""
    UPDATE inbound_message SET unread = FALSE
    WHERE {_IN_CONVERSATION} AND unread AND received_at <= :until
""")
_LEAVE_UNREAD = text(f"""
    UPDATE inbound_message SET unread = TRUE
    WHERE account_id = :account AND NOT unread AND id = (
        SELECT id FROM inbound_message WHERE {_IN_CONVERSATION}
        ORDER BY received_at DESC, id DESC LIMIT 1
    )
""")
_DECIDED = text(f"""
    UPDATE inbound_message SET needs_review = FALSE
    WHERE {_IN_CONVERSATION} AND needs_review AND received_at <= :until
""")


@dataclass(frozen=True, slots=True)
class Conversation:
    """What one person wrote to one number: the newest text, and how many are unread."""

    newest: InboundMessage
    unread: int


class Conversations:
    """Conversations in the database; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self,
        account_id: str,
        limit: int = 50,
        before: tuple[Instant, str] | None = None,
        unread_only: bool = False,
    ) -> Sequence[Conversation]:
        """A page of conversations, the newest first; with ``unread_only`` those with unread texts.

        ``before`` is the instant and the id of the text of the last one on the page before.
        """
        query = text(
            _PAGE.format(
                shown="AND m.unread" if unread_only else "",
                newer="AND n.unread" if unread_only else "",
                before=_BEFORE if before else "",
            )
        )
        values: dict[str, object] = {"account": account_id, "limit": limit, "erased": ERASED}
        if before is not None:
            values["at"], values["id"] = before
        return self._database.read(
            lambda connection: [
                Conversation(inbound_of(row), row.unread_count)
                for row in connection.execute(query, values)
            ]
        )

    def unread(self, account_id: str) -> int:
        """How many texts of an account are unread, at most ``UNREAD_MAX``."""
        values = {"account": account_id}
        return self._database.read(
            lambda connection: int(connection.execute(_UNREAD, values).scalar_one())
        )

    def mark_read(self, account_id: str, writer: str, number: str, until: Instant) -> bool:
        """Mark the texts of a conversation that were received by ``until`` as read.

        Returns False, and changes nothing, if none was unread.
        """
        values = _values(account_id, writer, number) | {"until": until}
        return self._change(_READ, values)

    def leave_unread(self, account_id: str, writer: str, number: str) -> bool:
        """Mark the newest text of a conversation as unread; False if it is, or there is none."""
        return self._change(_LEAVE_UNREAD, _values(account_id, writer, number))

    def decided(self, account_id: str, writer: str, number: str, until: Instant) -> bool:
        """Note that a person decided what the texts received by ``until`` ask for.

        Returns False, and changes nothing, if none waited for a decision.
        """
        values = _values(account_id, writer, number) | {"until": until}
        return self._change(_DECIDED, values)

    def _change(self, query: TextClause, values: dict[str, object]) -> bool:
        return self._database.write(
            lambda connection: connection.execute(query, values).rowcount > 0
        )


def _values(account_id: str, writer: str, number: str) -> dict[str, object]:
    return {"account": account_id, "writer": writer, "number": number}
