"""Mailing lists and their members; every change keeps the size of the list right."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pydantic_core import from_json
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, insert, select, update

from campaign.activity import Action
from campaign.expanding import Member, merged_fields
from campaign.instants import Instant
from campaign.model import FIELDS_MAX, LISTED_MAX, NO_FIELDS
from campaign.phone import canonical_number
from store.database.engine import Database, json_rows
from store.shared.activity import record
from store.tables import ListMemberRow, MailingListRow

# A campaign could not be sent to a longer list.
MEMBERS_MAX = LISTED_MAX


class NameTaken(Exception):
    """The account has a list of that name."""


class ListFull(Exception):
    """The list would get more members than can be sent to."""


class TooManyFields(Exception):
    """Members would have more fields than a recipient may have; the text says how many members."""


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
    """Mailing lists in the database; every method is one transaction.

    To an account, the list of another account does not exist.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        # Each JSON row names its list, so that SQLite joins on the whole primary key.
        members = database.rowset("list_id TEXT, number TEXT, fields TEXT")
        self._select_members = text(f"""
            SELECT list_member.number, list_member.fields
            FROM list_member
            JOIN {members} ON list_member.list_id = r.list_id AND list_member.number = r.number
        """)
        self._update_members = text(f"""
            UPDATE list_member SET fields = r.fields
            FROM {members}
            WHERE list_member.list_id = r.list_id AND list_member.number = r.number
        """)
        self._insert_members = text(f"""
            INSERT INTO list_member (list_id, number, fields, added_at)
            SELECT CAST(:list_id AS VARCHAR), r.number, r.fields, CAST(:now AS BIGINT)
            FROM {members}
            WHERE NOT EXISTS (
                SELECT 1 FROM list_member
                WHERE list_member.list_id = r.list_id AND list_member.number = r.number
            )
        """)

    def create(self, account_id: str, list_id: str, name: str, now: Instant) -> ListView:
        """Create an empty list; raises NameTaken if the account has a list of that name."""
        row = MailingListRow(id=list_id, account_id=account_id, name=name, created_at=now)

        def work(connection: Connection) -> None:
            connection.execute(insert(MailingListRow), row.model_dump())
            record(connection, Action.LIST_CREATED, list_id, account=account_id)

        try:
            self._database.write(work)
        except IntegrityError as error:
            raise NameTaken from error
        return _view(row)

    def get(self, account_id: str, list_id: str) -> ListView | None:
        """One list; None if it does not exist."""
        query = select(MailingListRow).where(
            MailingListRow.id == list_id, MailingListRow.account_id == account_id
        )
        row = self._database.read(lambda connection: Session(connection).exec(query).first())
        return None if row is None else _view(row)

    def list(
        self, account_id: str, limit: int = 100, after: str | None = None
    ) -> Sequence[ListView]:
        """A page of lists by name; ``after`` is the last name of the page before."""
        query = (
            select(MailingListRow)
            .where(MailingListRow.account_id == account_id, MailingListRow.name > (after or ""))
            .order_by(MailingListRow.name)
            .limit(limit)
        )
        return self._database.read(
            lambda connection: [_view(row) for row in Session(connection).exec(query)]
        )

    def rename(self, account_id: str, list_id: str, name: str) -> bool:
        """Give a list another name; returns False if it does not exist.

        Raises NameTaken if the account has another list of that name. A second run changes nothing.
        """
        query = update(MailingListRow).where(
            col(MailingListRow.id) == list_id,
            col(MailingListRow.account_id) == account_id,
            col(MailingListRow.name) != name,
        )

        def work(connection: Connection) -> bool:
            if _lock(connection, account_id, list_id) is None:
                return False
            if connection.execute(query.values(name=name)).rowcount:
                after = {"renamed": True}
                record(connection, Action.LIST_CHANGED, list_id, account=account_id, after=after)
            return True

        try:
            return self._database.write(work)
        except IntegrityError as error:
            raise NameTaken from error

    def delete(self, account_id: str, list_id: str) -> bool:
        """Delete a list and its members; returns False if it does not exist."""

        def work(connection: Connection) -> bool:
            if _lock(connection, account_id, list_id) is None:
                return False
            connection.execute(delete(ListMemberRow).where(col(ListMemberRow.list_id) == list_id))
            connection.execute(delete(MailingListRow).where(col(MailingListRow.id) == list_id))
            record(connection, Action.LIST_REMOVED, list_id, account=account_id)
            return True

        return self._database.write(work)

    def add(
        self,
        account_id: str,
        list_id: str,
        members: Sequence[Member],
        now: Instant,
        replace: bool = False,
    ) -> Added | None:
        """Add members, and set the fields of those on the list; None if it does not exist.

        Args:
            account_id: the owner of the list.
            list_id: the list.
            members: in canonical numbers; of several with one number the last value of each field
                counts.
            now: when, in microseconds.
            replace: remove the fields of existing members that are not given, which stay else.

        Raises:
            ListFull: there would be more than ``MEMBERS_MAX`` members.
            TooManyFields: a member would have more than ``FIELDS_MAX`` fields.

        All or nothing. A second run changes nothing.
        """
        given: dict[str, Mapping[str, str]] = {}
        for member in members:
            known = NO_FIELDS if replace else given.get(member.number, NO_FIELDS)
            given[member.number] = merged_fields(known, member.fields)

        def work(connection: Connection) -> Added | None:
            size = _lock(connection, account_id, list_id)
            if size is None:
                return None
            fields = dict(sorted(given.items()))
            rows = _rows_of(list_id, fields)
            if not replace:
                found = connection.execute(self._select_members, {"rows": rows})
                for number, kept in found.all():
                    fields[number] = merged_fields(from_json(kept), fields[number])
                rows = _rows_of(list_id, fields)
            too_many = sum(len(one) > FIELDS_MAX for one in fields.values())
            if too_many:
                raise TooManyFields(f"{too_many} member{'s' if too_many > 1 else ''}")
            values = {"list_id": list_id, "rows": rows, "now": now}
            updated = connection.execute(self._update_members, values).rowcount
            added = connection.execute(self._insert_members, values).rowcount
            if not _resize(connection, list_id, added):
                raise ListFull
            after = {"added": added, "updated": updated}
            record(connection, Action.LIST_CHANGED, list_id, account=account_id, after=after)
            return Added(added, updated, size + added)

        return self._database.write(work)

    def remove(self, account_id: str, list_id: str, number: str) -> bool:
        """Remove a number, in any form, from a list; returns False if it was not on the list."""
        query = delete(ListMemberRow).where(
            col(ListMemberRow.list_id) == list_id,
            col(ListMemberRow.number) == (canonical_number(number) or number),
        )

        def work(connection: Connection) -> bool:
            size = _lock(connection, account_id, list_id)
            if size is None or connection.execute(query).rowcount == 0:
                return False
            after = {"removed": 1}
            record(connection, Action.LIST_CHANGED, list_id, account=account_id, after=after)
            return _resize(connection, list_id, -1)

        return self._database.write(work)

    def members(self, list_id: str, limit: int = 100, after: str | None = None) -> Sequence[Member]:
        """A page of members by number; ``after`` is the last number of the page before."""
        query = (
            select(ListMemberRow.number, ListMemberRow.fields)
            .where(ListMemberRow.list_id == list_id, ListMemberRow.number > (after or ""))
            .order_by(ListMemberRow.number)
            .limit(limit)
        )
        return self._database.read(
            lambda connection: [
                Member(number, from_json(fields)) for number, fields in connection.execute(query)
            ]
        )

    def sizes(self, account_id: str, list_ids: Collection[str]) -> Mapping[str, int]:
        """The number of members of each of these lists that belongs to the account."""
        query = select(MailingListRow.id, MailingListRow.size).where(
            MailingListRow.account_id == account_id, col(MailingListRow.id).in_(list(list_ids))
        )
        return self._database.read(
            lambda connection: {row.id: row.size for row in connection.execute(query)}
        )

    def snapshot(
        self, account_id: str, list_ids: Collection[str]
    ) -> Mapping[str, Sequence[Member]]:
        """All members of these lists at one instant: by list, in the order of their numbers."""
        query = (
            select(ListMemberRow.list_id, ListMemberRow.number, ListMemberRow.fields)
            .join(MailingListRow)
            .where(
                MailingListRow.account_id == account_id,
                col(ListMemberRow.list_id).in_(list(list_ids)),
            )
            .order_by(ListMemberRow.list_id, ListMemberRow.number)
        )

        def work(connection: Connection) -> Mapping[str, Sequence[Member]]:
            found: dict[str, list[Member]] = {}
            for list_id, number, fields in connection.execute(query):
                found.setdefault(list_id, []).append(Member(number, from_json(fields)))
            return found

        return self._database.read(work)


def _rows_of(list_id: str, fields: Mapping[str, Mapping[str, str]]) -> str:
    return json_rows(
        [
            {"list_id": list_id, "number": number, "fields": json.dumps(dict(values))}
            for number, values in fields.items()
        ]
    )


def _lock(connection: Connection, account_id: str, list_id: str) -> int | None:
    """Lock a list against other changes and return its size; None if it does not exist."""
    query = (
        select(MailingListRow.size)
        .where(MailingListRow.id == list_id, MailingListRow.account_id == account_id)
        .with_for_update(key_share=True)
    )
    return connection.execute(query).scalar()


def _resize(connection: Connection, list_id: str, by: int) -> bool:
    size = col(MailingListRow.size) + by
    query = update(MailingListRow).where(col(MailingListRow.id) == list_id, size <= MEMBERS_MAX)
    return connection.execute(query.values(size=size)).rowcount > 0


def _view(row: MailingListRow) -> ListView:
    return ListView(row.id, row.name, row.size, row.created_at)
