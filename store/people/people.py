"""What an account knows of a person, gathered from every table that names people."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from campaign.people import (
    ERASED,
    Person,
    PersonClick,
    PersonMembership,
    PersonMessage,
    PersonOptOut,
    PersonReply,
)
from campaign.phone import canonical_number
from store.database.engine import Database, StoreError
from store.shared.erased_numbers import ErasedNumbers
from store.shared.views import message_view

SHOWN_MAX = 1_000
_MINE = "(SELECT c.account_id FROM campaign c WHERE c.id = m.campaign_id) = :account"
# Each gives the newest first. A new table that names people gets its query here.
_MESSAGES = f"SELECT m.* FROM message m WHERE m.recipient = :number AND {_MINE}"
_REPLIES = """
    SELECT id, number, body, received_at, message_id FROM inbound_message
    WHERE account_id = :account AND writer = :number
"""
_CLICKS = f"""
    SELECT k.id, k.campaign_id, k.message_id, l.url, k.at
    FROM message m
    JOIN link l ON l.message_id = m.id
    JOIN link_click k ON k.campaign_id = m.campaign_id AND k.code = l.code
    WHERE m.recipient = :number AND {_MINE} AND NOT k.preview
"""
_LISTS = """
    SELECT l.id, l.name, n.fields, n.added_at
    FROM mailing_list l JOIN list_member n ON n.list_id = l.id
    WHERE l.account_id = :account AND n.number = :number
"""
_QUERIES: Mapping[str, tuple[str, str]] = {
    "messages": (_MESSAGES, "m.due_at DESC, m.campaign_id, m.position"),
    "replies": (_REPLIES, "received_at DESC, id"),
    "clicks": (_CLICKS, "k.at DESC, k.id"),
    "mailing_lists": (_LISTS, "n.added_at DESC, l.id"),
}
_PAGES = {
    kind: text(f"{query} ORDER BY {order} LIMIT :limit")
    for kind, (query, order) in _QUERIES.items()
}
_TOTALS = {
    kind: text(f"SELECT count(*) FROM ({query}) AS kept") for kind, (query, _) in _QUERIES.items()
}
_OPT_OUT = text("""
    SELECT source, created_at FROM opt_out WHERE account_id = :account AND number = :number
""")


class People:
    """Reads what is known of a number."""

    def __init__(self, database: Database, erased_numbers: ErasedNumbers) -> None:
        self._database = database
        self._erased_numbers = erased_numbers

    def show(self, account_id: str, number: str) -> Person:
        """All that an account knows of a number in any form, read in one snapshot.

        Of each kind at most ``SHOWN_MAX``, the newest. Raises StoreError if it is not a number.
        """
        canonical = canonical_number(number)
        if canonical is None:
            raise StoreError("give a number with its country code, such as +14155550123")
        values = {"account": account_id, "number": canonical, "limit": SHOWN_MAX}

        def work(connection: Connection) -> Person:
            rows: dict[str, Sequence[Row[Any]]] = {
                kind: connection.execute(query, values).all() for kind, query in _PAGES.items()
            }
            totals = {
                kind: len(found)
                if len(found) < SHOWN_MAX
                else int(connection.execute(_TOTALS[kind], values).scalar_one())
                for kind, found in rows.items()
            }
            opt_outs = self._opt_outs(connection, account_id, canonical)
            return Person(
                number=canonical,
                messages=[
                    PersonMessage(message_view(row), row.campaign_id) for row in rows["messages"]
                ],
                opt_outs=opt_outs,
                replies=[PersonReply(*list(row)) for row in rows["replies"]],
                clicks=[PersonClick(*list(row)) for row in rows["clicks"]],
                mailing_lists=[
                    PersonMembership(row.id, row.name, json.loads(row.fields), row.added_at)
                    for row in rows["mailing_lists"]
                ],
                totals={**totals, "opt_outs": len(opt_outs)},
            )

        return self._database.read_snapshot(work)

    def _opt_outs(
        self, connection: Connection, account_id: str, number: str
    ) -> Sequence[PersonOptOut]:
        values = {"account": account_id, "number": number}
        found = [PersonOptOut(*row) for row in connection.execute(_OPT_OUT, values)]
        erased_at = self._erased_numbers.erased_at(connection, account_id, number)
        return found if erased_at is None else [*found, PersonOptOut(ERASED, erased_at)]
