"""The record of who did what, written in the transaction of the change itself.

The actor is a context variable: an entry point sets it once, and every write of the store finds it.
A request's actor is one object, so that what authentication adds is seen in every thread and task
of the request. Without one the actor is the system.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Connection, Row, text

from campaign.activity import Action, ActivityFilter, ActivityView, Actor, ActorKind
from campaign.ids import ID_BYTES, make_id
from campaign.instants import Instant
from campaign.phone import canonical_number
from store.clock import wall_clock
from store.database.engine import Database
from store.shared.erased_numbers import ErasedNumbers

ACTIVITY_PREFIX = "act_"

_ACTOR: ContextVar[Actor | None] = ContextVar("actor", default=None)
_INSERT = text("""
    INSERT INTO activity (
        id, account_id, at, actor, key_id, action, subject, before, after, request_id, address
    )
    VALUES (
        :id,
        COALESCE(
            CAST(:account AS VARCHAR), (SELECT account_id FROM campaign WHERE id = :campaign)
        ),
        :at, :actor, :key_id, :action, :subject, :before, :after, :request_id, :address
    )
""")
_CONDITIONS = {
    "account": "account_id = :account",
    "since": "at >= :since",
    "until": "at < :until",
    "actor": "(key_id = :actor OR actor = :actor)",
    "action": "action = :action",
    "subject": "subject IN (:subject, :person)",
    "before_at": "(at, id) < (:before_at, :before_id)",
}
_LIST = """
    SELECT *, (SELECT name FROM api_key WHERE api_key.id = activity.key_id) AS key_name
    FROM activity
"""
_REMOVE = text("""
    DELETE FROM activity WHERE id IN (
        SELECT id FROM activity WHERE at < :before ORDER BY at LIMIT :limit
    )
""")


def act_as(actor: Actor | None) -> None:
    """Let every change from here on, in this context and those made of it, be by ``actor``.

    None is the system.
    """
    _ACTOR.set(actor)


def acting() -> Actor:
    """Who acts now."""
    return _ACTOR.get() or Actor()


def act_with_key(key_id: str) -> None:
    """Note the API key of the request that is under way."""
    actor = _ACTOR.get()
    if actor is None:
        actor = Actor()
        _ACTOR.set(actor)
    actor.kind, actor.key_id = ActorKind.KEY, key_id


def record(
    connection: Connection,
    action: Action,
    subject: str | None,
    *,
    account: str | None = None,
    campaign: str | None = None,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Record that the actor did something, inside the caller's transaction.

    The account is that of ``campaign`` where it is not given. ``before`` and ``after`` must have no
    numbers, texts or secrets of people or customers.
    """
    actor = acting()
    values = {
        "id": make_id(ACTIVITY_PREFIX, secrets.token_bytes(ID_BYTES)),
        "account": account,
        "campaign": campaign,
        "at": wall_clock(),
        "actor": actor.kind.value,
        "key_id": actor.key_id,
        "action": action.value,
        "subject": subject,
        "before": None if before is None else json.dumps(before),
        "after": None if after is None else json.dumps(after),
        "request_id": actor.request_id,
        "address": actor.address,
    }
    connection.execute(_INSERT, values)


class Activities:
    """The recorded actions; rows are added and, once they are old, removed, never changed.

    The erasure of a person is the one exception: it removes the keyed hash of the number.
    """

    def __init__(self, database: Database, erased_numbers: ErasedNumbers) -> None:
        self._database = database
        self._erased_numbers = erased_numbers

    def record(
        self,
        action: Action,
        campaign_id: str,
        before: Mapping[str, object],
        after: Mapping[str, object],
    ) -> None:
        """Record a change of a campaign that was not made in a transaction of this process."""
        self._database.write(
            lambda connection: record(
                connection, action, campaign_id, campaign=campaign_id, before=before, after=after
            )
        )

    def list(
        self,
        account_id: str | None,
        wanted: ActivityFilter,
        limit: int = 100,
        before: tuple[Instant, str] | None = None,
    ) -> Sequence[ActivityView]:
        """A page of actions, newest first: of an account, or of all with None.

        ``before`` is the instant and id of the last one of the page before.
        """
        number = canonical_number(wanted.subject or "")
        person = None
        if number is not None and account_id is not None:
            person = self._erased_numbers.subject(account_id, number)
        values = {
            "account": account_id,
            "since": wanted.since,
            "until": wanted.until,
            "actor": wanted.actor,
            "action": wanted.action,
            "subject": wanted.subject,
            "before_at": before and before[0],
        }
        conditions = [sql for name, sql in _CONDITIONS.items() if values[name] is not None]
        where = " AND ".join(conditions) or "TRUE"
        query = text(f"{_LIST} WHERE {where} ORDER BY at DESC, id DESC LIMIT :limit")
        bound = {**values, "person": person, "before_id": before and before[1], "limit": limit}
        bound = {name: bound[name] for name in query.compile().params}
        return self._database.read(
            lambda connection: [_view(row) for row in connection.execute(query, bound)]
        )

    def remove(self, before: Instant, limit: int) -> bool:
        """Remove up to ``limit`` of the actions before an instant; False if there were none."""
        values = {"before": before, "limit": limit}
        return self._database.write(
            lambda connection: connection.execute(_REMOVE, values).rowcount > 0
        )


def _view(row: Row[Any]) -> ActivityView:
    return ActivityView(
        id=row.id,
        account_id=row.account_id,
        at=row.at,
        actor=Actor(ActorKind(row.actor), row.key_id, row.request_id, row.address, row.key_name),
        action=row.action,
        subject=row.subject,
        before=None if row.before is None else json.loads(row.before),
        after=None if row.after is None else json.loads(row.after),
    )
