"""Erases a person from every table of one account, in one transaction.

Counts, credits and the states of messages stay. What is erased is in ``STATEMENTS``, one entry for
each change of a table: a new table that holds numbers or texts of people gets its line there, and
tests/store/people/test_erasure.py fails until it has one or is named as free of them.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, TextClause, bindparam, text

from campaign.activity import Action
from campaign.credits import Price
from campaign.instants import Instant
from campaign.people import ERASED, Erasure
from campaign.phone import canonical_number
from store.database.engine import Database, StoreError, json_rows
from store.shared import ledger
from store.shared.activity import record
from store.shared.erased_numbers import ErasedNumbers
from store.shared.prices import PRICE_COLUMNS, price_of

# Each gets :account, :number (E.164), :erased (the mark) and, as ``{messages}``, the rowset r of
# the person's messages: campaign_id, position, message_id. They run in this order.
STATEMENTS: Sequence[tuple[str, str]] = (
    # A key is spent and claimed by the account's own words for a person; it is free afterwards.
    (
        "recipient_key",
        """
        DELETE FROM recipient_key
        WHERE account_id = :account
            AND key IN (
                SELECT m.key FROM {messages}
                JOIN message m ON m.campaign_id = r.campaign_id AND m.position = r.position
            )
            AND message_id IN (SELECT r.message_id FROM {messages})
        """,
    ),
    (
        "message",
        """
        UPDATE message SET recipient = :erased, text = '', compliance_text = NULL,
            next_text = NULL, fields = NULL, media_url = NULL, key = NULL, reference = NULL,
            line_type = NULL, network = NULL, callback_url = NULL, callback_method = NULL,
            time_zone = NULL
        FROM {messages}
        WHERE message.campaign_id = r.campaign_id AND message.position = r.position
        """,
    ),
    (
        "attempt",
        "UPDATE attempt SET text = NULL FROM {messages} "
        "WHERE attempt.campaign_id = r.campaign_id AND attempt.position = r.position",
    ),
    # An address may have fields of the person in it; the link leads nowhere afterwards.
    ("link", "UPDATE link SET url = '' WHERE message_id IN (SELECT r.message_id FROM {messages})"),
    # A reply that waits to be forwarded is forwarded no more.
    (
        "callback",
        """
        DELETE FROM callback
        WHERE account_id = :account AND status = 'waiting' AND inbound_id IN (
            SELECT id FROM inbound_message WHERE account_id = :account AND writer = :number
        )
        """,
    ),
    (
        "reply_channel",
        """
        DELETE FROM reply_channel WHERE inbound_id IN (
            SELECT id FROM inbound_message WHERE account_id = :account AND writer = :number
        ) OR channel = 'number' AND inbound_id IN (
            SELECT a.id FROM inbound_message a JOIN reply_option o ON o.message_id = a.message_id
            WHERE o.account_id = :account AND o.to_number = :number
        )
        """,
    ),
    (
        "inbound_message",
        """
        UPDATE inbound_message SET writer = :erased, body = '', media_urls = NULL,
            needs_review = FALSE, unread = FALSE
        WHERE account_id = :account AND writer = :number
        """,
    ),
    (
        "reply_option",
        """
        DELETE FROM reply_option
        WHERE account_id = :account
            AND (recipient = :number OR message_id IN (SELECT r.message_id FROM {messages}))
        """,
    ),
    (
        "reply_option",
        """
        UPDATE reply_option SET to_number = NULL
        WHERE account_id = :account AND to_number = :number
        """,
    ),
    (
        "draft_row",
        """
        DELETE FROM draft_row
        WHERE number = :number
            AND draft_id IN (SELECT id FROM draft_campaign WHERE account_id = :account)
        """,
    ),
    ("lease", "DELETE FROM lease WHERE account_id = :account AND recipient = :number"),
    ("opt_out", "DELETE FROM opt_out WHERE account_id = :account AND number = :number"),
    (
        "opt_out_state",
        "DELETE FROM opt_out_state WHERE account_id = :account AND number = :number",
    ),
    # Its id stays, so that a carrier's repeat of the text is no new event.
    (
        "opt_out_event",
        """
        UPDATE opt_out_event SET number = :erased, text = NULL
        WHERE account_id = :account AND number = :number
        """,
    ),
    # An answer that is due is sent no more.
    (
        "callback",
        """
        DELETE FROM callback
        WHERE account_id = :account AND status = 'waiting' AND id IN (
            SELECT callback_id FROM auto_reply WHERE account_id = :account AND number = :number
        )
        """,
    ),
    ("auto_reply", "DELETE FROM auto_reply WHERE account_id = :account AND number = :number"),
    (
        "activity",
        "UPDATE activity SET subject = :erased WHERE account_id = :account AND subject = :person",
    ),
)
_MEMBERSHIPS = """
    SELECT id FROM mailing_list
    WHERE account_id = :account AND EXISTS (
        SELECT 1 FROM list_member WHERE list_id = mailing_list.id AND number = :number
    )
    ORDER BY id
"""
_LEAVE = text("DELETE FROM list_member WHERE list_id = :list AND number = :number")
_SHRINK = text("UPDATE mailing_list SET size = size - 1 WHERE id = :list")
_MESSAGES = """
    SELECT m.campaign_id, m.position, m.id AS message_id, m.status
    FROM message m
    WHERE m.recipient = :number
        AND (SELECT c.account_id FROM campaign c WHERE c.id = m.campaign_id) = :account
    ORDER BY m.campaign_id, m.position
"""
# A reply of the person that was forwarded as a text to somebody else.
_FORWARDED = """
    SELECT m.campaign_id, m.position, m.id AS message_id, m.status
    FROM inbound_message a
    JOIN campaign c ON c.account_id = a.account_id AND c.key = 'reply:' || a.id
    JOIN message m ON m.campaign_id = c.id
    WHERE a.account_id = :account AND a.writer = :number
    ORDER BY m.campaign_id, m.position
"""
_REPLIES = text(
    "SELECT count(*) FROM inbound_message WHERE account_id = :account AND writer = :number"
)
# What may have been sent on an earlier try is not skipped.
_BACK_TO_UNKNOWN = """
    UPDATE message SET status = 'unknown'
    FROM {messages}
    WHERE message.campaign_id = r.campaign_id AND message.position = r.position
        AND message.status = 'retryable' AND message.was_unknown
"""
_SKIP = f"""
    UPDATE message SET status = 'skipped', reason = :erased, final_at = :now
    FROM {{messages}}
    WHERE message.campaign_id = r.campaign_id AND message.position = r.position
        AND message.status IN ('queued', 'retryable') AND NOT message.was_unknown
    RETURNING message.campaign_id, {PRICE_COLUMNS}
"""
# Names and keys are the account's own words, in which it may have written the number.
_NAMING = text("""
    SELECT id FROM campaign
    WHERE account_id = :account
        AND (name LIKE :digits OR key LIKE :digits
            OR refusals LIKE :digits OR template LIKE :digits)
""")
_UNNAME = text("""
    UPDATE campaign SET
        name = CASE WHEN name LIKE :digits THEN :erased ELSE name END,
        key = CASE WHEN key LIKE :digits THEN :erased || ':' || id ELSE key END,
        refusals = CASE WHEN refusals LIKE :digits THEN '[]' ELSE refusals END,
        template = CASE WHEN template LIKE :digits THEN NULL ELSE template END
    WHERE id IN :campaigns
""").bindparams(bindparam("campaigns", expanding=True))
_FORGET_KEYS = text("""
    DELETE FROM campaign_key WHERE account_id = :account AND key LIKE :digits
""")
_UNDER_WAY = """
    SELECT count(*) FROM message
    JOIN {messages} ON message.campaign_id = r.campaign_id AND message.position = r.position
    WHERE message.status = 'sending' AND message.claimed_until > :now
"""


class Eraser:
    """Erases people; every call of ``erase`` is one transaction."""

    def __init__(self, database: Database, erased_numbers: ErasedNumbers) -> None:
        self._database = database
        self._erased_numbers = erased_numbers
        rowset = database.rowset("campaign_id TEXT, position BIGINT, message_id TEXT")
        self._statements = [text(sql.replace("{messages}", rowset)) for _, sql in STATEMENTS]
        self._back_to_unknown = text(_BACK_TO_UNKNOWN.replace("{messages}", rowset))
        self._skip = text(_SKIP.replace("{messages}", rowset))
        self._under_way = text(_UNDER_WAY.replace("{messages}", rowset))
        lock = "" if database.is_sqlite else " FOR NO KEY UPDATE OF m"
        self._messages = text(_MESSAGES + lock)
        self._forwarded = text(_FORWARDED + lock)
        self._memberships = text(_MEMBERSHIPS + database.for_update)
        self._holds_for_update = text(
            "SELECT account_id FROM hold WHERE campaign_id = :campaign "
            f"ORDER BY kind DESC{database.for_update}"
        )

    def erase(self, account_id: str, number: str, now: Instant) -> Erasure:
        """Erase a number, the texts to it and from it, and its fields, from an account.

        Waiting messages are skipped and their credits voided. A message that a worker has claimed
        may still be sent by that worker, within seconds, and by no other; its outcome is recorded.
        The number stays opted out, as a keyed hash. A second run finds nothing. Raises StoreError
        if it is not a phone number.
        """
        number = canonical_number(number) or ""
        if not number:
            raise StoreError("give a number with its country code, such as +14155550123")
        values = {
            "account": account_id,
            "number": number,
            "digits": f"%{number.removeprefix('+')}%",
            "erased": ERASED,
            "person": self._erased_numbers.subject(account_id, number),
            "now": now,
        }
        # The account's campaigns may be many: they are not searched under the write lock.
        naming = self._database.read(
            lambda connection: connection.execute(_NAMING, values).scalars().all()
        )

        def work(connection: Connection) -> Erasure:
            self._erased_numbers.add(connection, account_id, number, now)
            found = self._find(connection, values)
            names = ("campaign_id", "position", "message_id")
            rows = [{name: getattr(row, name) for name in names} for row in found]
            values["rows"] = json_rows(rows)
            replies = connection.execute(_REPLIES, values).scalar_one()
            connection.execute(self._back_to_unknown, values)
            skipped = connection.execute(self._skip, values).all()
            for statement in self._statements:
                connection.execute(statement, values)
            lists = self._leave_lists(connection, values)
            if naming:
                connection.execute(_FORGET_KEYS, values)
                connection.execute(_UNNAME, {**values, "campaigns": list(naming)})
            after = {"messages": len(found), "replies": replies, "lists": lists}
            record(connection, Action.PERSON_ERASED, ERASED, account=account_id, after=after)
            # Last, because every chunk of the account waits for these few rows.
            self._void(connection, account_id, skipped, now)
            under_way = [
                (row.campaign_id, row.position) for row in found if row.status == "sending"
            ]
            return Erasure(len(found), len(skipped), replies, lists, under_way)

        erasure = self._database.write(work)
        self._database.checkpoint()
        return erasure

    def under_way(self, positions: Sequence[tuple[str, int]], now: Instant) -> int:
        """Count those of the messages, by campaign and position, that may still leave."""
        rows = json_rows([{"campaign_id": id, "position": position} for id, position in positions])
        values = {"rows": rows, "now": now}
        return self._database.read(
            lambda connection: int(connection.execute(self._under_way, values).scalar_one())
        )

    def _find(self, connection: Connection, values: dict[str, object]) -> Sequence[Row[tuple[()]]]:
        """Lock the messages to the person, and those that forward the person's replies."""
        queries: tuple[TextClause, ...] = (self._messages, self._forwarded)
        return [row for query in queries for row in connection.execute(query, values).all()]

    def _leave_lists(self, connection: Connection, values: dict[str, object]) -> int:
        lists = connection.execute(self._memberships, values).scalars().all()
        for list_id in lists:
            member = {**values, "list": list_id}
            if connection.execute(_LEAVE, member).rowcount:
                connection.execute(_SHRINK, member)
        return len(lists)

    def _void(
        self,
        connection: Connection,
        account_id: str,
        skipped: Sequence[Row[Any]],
        now: Instant,
    ) -> None:
        """Give back the credits of skipped messages of campaigns that have paid for them."""
        prices: dict[str, Price] = {}
        for row in skipped:
            prices[row.campaign_id] = prices.get(row.campaign_id, Price()) + price_of(row)
        for campaign_id, price in sorted(prices.items()):
            held = connection.execute(self._holds_for_update, {"campaign": campaign_id}).first()
            if held is not None:
                ledger.void_given_up(connection, account_id, campaign_id, price, now)
