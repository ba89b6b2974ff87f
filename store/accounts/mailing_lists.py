"""Mailing lists: made, filled, looked at and emptied; every change counts its members."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text
from sqlalchemy.exc import IntegrityError

from campaign.expanding import Member
from campaign.instants import Instant
from campaign.model import RECIPIENTS_MAX
from campaign.phone import canonical_number
from store.database.engine import Database, json_rows

# A longer list could never be sent to.
MEMBERS_MAX = RECIPIENTS_MAX

_CREATE = text(
    "INSERT INTO mailing_list (id, account_id, name, size, created_at) "
    "VALUES (:list, :account, :name, 0, :now)"
)
_GET = "SELECT * FROM mailing_list WHERE id = :list AND account_id = :account"
_PAGE = text(
    "SELECT * FROM mailing_list WHERE account_id = :account AND name > :after "
    "ORDER BY name LIMIT :limit"
)
_SIZES = text(
    "SELECT id, size FROM mailing_list WHERE account_id = :account AND id IN :lists"
).bindparams(bindparam("lists", expanding=True))
_RESIZE = text("UPDATE mailing_list SET size = size + :by WHERE id = :list AND size + :by <= :most")
_MEMBERS = text(
    "SELECT number, fields FROM list_member WHERE list_id = :list AND number > :after "
    "ORDER BY number LIMIT :limit"
)
_ALL_MEMBERS = text(
    "SELECT m.list_id, m.number, m.fields FROM list_member m JOIN mailing_list l "
    "ON l.id = m.list_id WHERE l.account_id = :account AND m.list_id IN :lists "
    "ORDER BY m.list_id, m.number"
).bindparams(bindparam("lists", expanding=True))
_REMOVE = text("DELETE FROM list_member WHERE list_id = :list AND number = :number")
_EMPTY = text("DELETE FROM list_member WHERE list_id = :list")
_DELETE = text("DELETE FROM mailing_list WHERE id = :list")


class NameTaken(Exception):
    """The account has a list of that name."""


class ListFull(Exception):
    """The list would get more members than can be sent to."""


@dataclass(frozen=True, slots=True)
class ListView:
    """A mailing list and how many members it has."""

    id: str
    name: str
    size: int
    created_at: Instant


@dataclass(frozen=True, slots=True)
class Added:
    """How many members an import brought, how many it changed, and how many there are now."""

    added: int
    updated: int
    size: int


class Lists:
    """Mailing lists in the database; every public method is one transaction.

    A list of another account is not there.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        # Changes of one list come one after the other, so that its size is right.
        self._list_for_update = text(_GET + database.for_update)
        # The JSON row carries the list too, so that SQLite joins on the whole primary key.
        same = "list_member.list_id = r.value->>'l' AND list_member.number = r.value->>'n'"
        self._update = text(
            f"UPDATE list_member SET fields = r.value->>'f' FROM {database.rows} WHERE {same}"
        )
        self._insert = text(
            "INSERT INTO list_member (list_id, number, fields, added_at) "
            "SELECT r.value->>'l', r.value->>'n', r.value->>'f', CAST(:now AS BIGINT) "
            f"FROM {database.rows} WHERE NOT EXISTS (SELECT 1 FROM list_member WHERE {same})"
        )

    def create(self, account_id: str, list_id: str, name: str, now: Instant) -> ListView:
        """Make an empty list; raises NameTaken. The unique name decides a race."""
        values = {"list": list_id, "account": account_id, "name": name, "now": now}
        try:
            self._database.write(lambda connection: connection.execute(_CREATE, values))
        except IntegrityError as error:
            raise NameTaken from error
        return ListView(list_id, name, 0, now)

    def get(self, account_id: str, list_id: str) -> ListView | None:
        """One list; None when it is not there."""
        values = {"account": account_id, "list": list_id}

        def work(connection: Connection) -> ListView | None:
            row = connection.execute(text(_GET), values).first()
            return None if row is None else _view(row)

        return self._database.read(work)

    def list(
        self, account_id: str, limit: int = 100, after: str | None = None
    ) -> Sequence[ListView]:
        """Lists by name; ``after`` is the last name seen."""
        values = {"account": account_id, "after": after or "", "limit": limit}
        return self._database.read(
            lambda connection: [_view(row) for row in connection.execute(_PAGE, values)]
        )

    def delete(self, account_id: str, list_id: str) -> bool:
        """Delete a list with its members; False when it was not there."""
        values = {"account": account_id, "list": list_id}

        def work(connection: Connection) -> bool:
            if connection.execute(self._list_for_update, values).first() is None:
                return False
            connection.execute(_EMPTY, values)
            return connection.execute(_DELETE, values).rowcount > 0

        return self._database.write(work)

    def add(
        self, account_id: str, list_id: str, members: Sequence[Member], now: Instant
    ) -> Added | None:
        """Put people on a list; None when it is not there.

        Who is on it already gets the new fields, so run twice, the second run changes nothing.
        All or nothing: raises ListFull when there would be more than ``MEMBERS_MAX``.
        """
        latest = {member.number: member for member in members}
        rows = json_rows(
            [
                {"l": list_id, "n": member.number, "f": json.dumps(dict(member.fields))}
                for _, member in sorted(latest.items())
            ]
        )
        values = {"account": account_id, "list": list_id, "rows": rows, "now": now}

        def work(connection: Connection) -> Added | None:
            before = connection.execute(self._list_for_update, values).first()
            if before is None:
                return None
            updated = connection.execute(self._update, values).rowcount
            added = connection.execute(self._insert, values).rowcount
            change = {"list": list_id, "by": added, "most": MEMBERS_MAX}
            if connection.execute(_RESIZE, change).rowcount == 0:
                raise ListFull
            return Added(added, updated, before.size + added)

        return self._database.write(work)

    def remove(self, account_id: str, list_id: str, number: str) -> bool:
        """Take a number off a list; False when it was not on it."""
        values = {
            "account": account_id,
            "list": list_id,
            "number": canonical_number(number) or number,
        }

        def work(connection: Connection) -> bool:
            if connection.execute(self._list_for_update, values).first() is None:
                return False
            gone = connection.execute(_REMOVE, values).rowcount
            change = {"list": list_id, "by": -gone, "most": MEMBERS_MAX}
            connection.execute(_RESIZE, change)
            return gone > 0

        return self._database.write(work)

    def members(self, list_id: str, limit: int = 100, after: str | None = None) -> Sequence[Member]:
        """Members of a list by number; ``after`` is the last number seen."""
        values = {"list": list_id, "after": after or "", "limit": limit}
        return self._database.read(
            lambda connection: [_member(row) for row in connection.execute(_MEMBERS, values)]
        )

    def sizes(self, account_id: str, list_ids: Collection[str]) -> Mapping[str, int]:
        """How many members each of these lists has, as far as they are the account's."""
        values = {"account": account_id, "lists": list(list_ids)}

        def work(connection: Connection) -> Mapping[str, int]:
            return {row.id: row.size for row in connection.execute(_SIZES, values)}

        return self._database.read(work)

    def snapshot(
        self, account_id: str, list_ids: Collection[str]
    ) -> Mapping[str, Sequence[Member]]:
        """All members of these lists at one instant, by list and number."""
        values = {"account": account_id, "lists": list(list_ids)}

        def work(connection: Connection) -> Mapping[str, Sequence[Member]]:
            found: dict[str, list[Member]] = {}
            for row in connection.execute(_ALL_MEMBERS, values):
                found.setdefault(row.list_id, []).append(_member(row))
            return found

        return self._database.read(work)


def _view(row: Row[Any]) -> ListView:
    return ListView(row.id, row.name, row.size, row.created_at)


def _member(row: Row[Any]) -> Member:
    return Member(row.number, json.loads(row.fields))
