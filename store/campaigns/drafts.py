"""Campaigns that are being written in the console, until they are sent or discarded."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from sqlmodel import Session, col, delete, insert, select, update

from campaign.ids import ID_BYTES, make_id
from campaign.instants import DAY, Instant
from store.database.engine import Database, StoreError
from store.tables import DraftCampaign, DraftRow

PREFIX = "drf_"
# A key has at most so many drafts, and each is kept so long after its last change.
DRAFTS_MAX = 20
KEPT: Instant = 30 * DAY


@dataclass(frozen=True, slots=True)
class SavedDraft:
    """A draft as it was last saved.

    ``choices`` has what was chosen on its pages; ``header`` describes its table, without the rows,
    and is None as long as it has none.
    """

    id: str
    account_id: str
    updated_at: Instant
    name: str
    text: str
    sender: str
    choices: Mapping[str, Any]
    header: Mapping[str, Any] | None
    campaign_id: str | None


@dataclass(frozen=True, slots=True)
class SavedRow:
    """One row of the table of a draft; see :class:`spreadsheets.table.Row`."""

    line: int
    cells: Sequence[str]
    broken: Mapping[int, str] = field(default_factory=dict)
    number: str | None = None


class Drafts:
    """Drafts in the database; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, account_id: str, key_id: str, now: Instant) -> str:
        """Begin a draft and return its id.

        Raises StoreError if the key has ``DRAFTS_MAX`` of them.
        """
        draft_id = make_id(PREFIX, secrets.token_bytes(ID_BYTES))
        row = DraftCampaign(
            id=draft_id, account_id=account_id, key_id=key_id, created_at=now, updated_at=now
        )

        def work(connection: Connection) -> str:
            if len(_open(connection, account_id, key_id)) >= DRAFTS_MAX:
                raise StoreError(f"a key has at most {DRAFTS_MAX} drafts; discard one")
            connection.execute(insert(DraftCampaign), row.model_dump())
            return draft_id

        return self._database.write(work)

    def remove_untouched(self, before: Instant) -> bool:
        """Remove one draft that nobody has changed since, with its people; False without one."""
        old = select(DraftCampaign.id).where(DraftCampaign.updated_at < before).limit(1)

        def work(connection: Connection) -> bool:
            draft_id = connection.execute(old).scalar()
            connection.execute(delete(DraftRow).where(col(DraftRow.draft_id) == draft_id))
            connection.execute(delete(DraftCampaign).where(col(DraftCampaign.id) == draft_id))
            return draft_id is not None

        return self._database.write(work)

    def list(self, account_id: str, key_id: str) -> Sequence[SavedDraft]:
        """The drafts of a key that were not sent, the last changed one first."""
        return self._database.read(lambda connection: _open(connection, account_id, key_id))

    def get(self, draft_id: str, account_id: str, key_id: str) -> SavedDraft | None:
        """One draft; None if there is none, or it belongs to another key."""
        query = select(DraftCampaign).where(
            DraftCampaign.id == draft_id,
            DraftCampaign.account_id == account_id,
            DraftCampaign.key_id == key_id,
        )

        def work(connection: Connection) -> SavedDraft | None:
            row = Session(connection).exec(query).first()
            return None if row is None else _saved(row)

        return self._database.read(work)

    def save(
        self, draft_id: str, now: Instant, seen: SavedDraft | None = None, **values: Any
    ) -> bool:
        """Write columns of a draft that was not sent; ``choices`` is a mapping.

        Returns False, and changes nothing, if it was sent, is gone, or is not as it was ``seen``.
        """
        if "choices" in values:
            values["choices"] = json.dumps(values["choices"])
        query = _unsent(draft_id, seen).values(updated_at=now, **values)
        return self._database.write(lambda connection: connection.execute(query).rowcount > 0)

    def save_table(
        self,
        draft_id: str,
        header: Mapping[str, Any] | None,
        rows: Sequence[SavedRow],
        choices: Mapping[str, Any],
        now: Instant,
    ) -> bool:
        """Replace the table of a draft that was not sent; returns False if it was, or is gone.

        Without a ``header`` it has no table then.
        """
        values = {"header": json.dumps(header), "choices": json.dumps(choices), "updated_at": now}
        written = [
            {
                "draft_id": draft_id,
                "line": row.line,
                "number": row.number,
                "cells": json.dumps([row.cells, dict(row.broken)]),
            }
            for row in rows
        ]

        def work(connection: Connection) -> bool:
            if not connection.execute(_unsent(draft_id).values(**values)).rowcount:
                return False
            connection.execute(delete(DraftRow).where(col(DraftRow.draft_id) == draft_id))
            if written:
                connection.execute(insert(DraftRow), written)
            return True

        return self._database.write(work)

    def rows(self, draft_id: str) -> Sequence[SavedRow]:
        """The rows of the table of a draft, by line."""
        query = (
            select(DraftRow.line, DraftRow.cells, DraftRow.number)
            .where(DraftRow.draft_id == draft_id)
            .order_by(col(DraftRow.line))
        )
        return self._database.read(
            lambda connection: [_row(*found) for found in connection.execute(query)]
        )

    def assign(
        self, draft_id: str, campaign_id: str, now: Instant, seen: SavedDraft | None = None
    ) -> bool:
        """Give a draft the id of the campaign that it becomes.

        False if it has one, is gone, or is not as it was ``seen``. Of several at once exactly one
        returns True.
        """
        query = _unsent(draft_id, seen).values(campaign_id=campaign_id, updated_at=now)
        return self._database.write(lambda connection: connection.execute(query).rowcount > 0)

    def finish(self, draft_id: str, campaign_id: str) -> None:
        """Write which campaign a draft became, and remove its rows; again, nothing changes.

        The draft stays, so that it is sent once.
        """
        query = delete(DraftRow).where(col(DraftRow.draft_id) == draft_id)
        became = update(DraftCampaign).where(col(DraftCampaign.id) == draft_id)

        def work(connection: Connection) -> None:
            connection.execute(became.values(campaign_id=campaign_id))
            connection.execute(query)

        self._database.write(work)

    def release(self, draft_id: str, campaign_id: str) -> None:
        """Let a draft be changed again whose campaign was refused; again, nothing changes."""
        query = update(DraftCampaign).where(
            col(DraftCampaign.id) == draft_id, col(DraftCampaign.campaign_id) == campaign_id
        )
        self._database.write(lambda connection: connection.execute(query.values(campaign_id=None)))

    def discard(self, draft_id: str) -> None:
        """Remove a draft that was not sent, with its rows; a second run changes nothing."""
        unsent = select(DraftCampaign.id).where(
            DraftCampaign.id == draft_id, col(DraftCampaign.campaign_id).is_(None)
        )

        def work(connection: Connection) -> None:
            connection.execute(delete(DraftRow).where(col(DraftRow.draft_id).in_(unsent)))
            connection.execute(delete(DraftCampaign).where(col(DraftCampaign.id).in_(unsent)))

        self._database.write(work)


def _unsent(draft_id: str, seen: SavedDraft | None = None) -> Any:
    query = update(DraftCampaign).where(
        col(DraftCampaign.id) == draft_id, col(DraftCampaign.campaign_id).is_(None)
    )
    # Every change of a draft sets ``updated_at``.
    return query if seen is None else query.where(col(DraftCampaign.updated_at) == seen.updated_at)


def _open(connection: Connection, account_id: str, key_id: str) -> list[SavedDraft]:
    query = (
        select(DraftCampaign)
        .where(
            DraftCampaign.account_id == account_id,
            DraftCampaign.key_id == key_id,
            col(DraftCampaign.campaign_id).is_(None),
        )
        .order_by(col(DraftCampaign.updated_at).desc())
    )
    return [_saved(row) for row in Session(connection).exec(query)]


def _saved(row: DraftCampaign) -> SavedDraft:
    return SavedDraft(
        id=row.id,
        account_id=row.account_id,
        updated_at=row.updated_at,
        name=row.name,
        text=row.text,
        sender=row.sender,
        choices=json.loads(row.choices),
        header=None if row.header is None else json.loads(row.header),
        campaign_id=row.campaign_id,
    )


def _row(line: int, written: str, number: str | None) -> SavedRow:
    cells, broken = json.loads(written)
    return SavedRow(line, tuple(cells), {int(index): why for index, why in broken.items()}, number)
