"""What keeps a campaign from sending: the one condition that every claim and repeat obeys.

A brake is a closed account, or a stop: of everything, or of one account. It takes effect when its
row is committed, whether Temporal lives or not. Campaigns are paused after that, by the system and
with the brake as their problem, so that what was to leave meanwhile moves by the length of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from campaign.activity import Action
from campaign.instants import Instant
from campaign.states import CAMPAIGN_OPEN
from store.database.engine import Database
from store.shared.activity import record

ACCOUNT_CLOSED = "account_closed"
STOPPED = "stopped"
# The scope of a stop of everything; any other scope is the id of an account.
EVERYTHING = "all"

# Another brake of an account is another WHEN here. Whatever is no status pauses the campaign, with
# the value as its problem (store/campaigns/orders.py).
BRAKE_OF_ACCOUNT = f"""
        WHEN NOT account.active THEN '{ACCOUNT_CLOSED}'
        WHEN EXISTS (
            SELECT 1 FROM brake WHERE brake.scope IN ('{EVERYTHING}', account.id)
        ) THEN '{STOPPED}'
"""
_BRAKE = text(f"""
    SELECT CASE
        WHEN campaign.ordered = 'cancel' THEN 'cancelled'
        WHEN campaign.status NOT IN ('scheduled', 'running') THEN campaign.status
        {BRAKE_OF_ACCOUNT}
        END AS brake,
        campaign.pauses_applied AS changes
    FROM campaign JOIN account ON account.id = campaign.account_id
    WHERE campaign.id = :campaign
""")
# The number of the next order (see campaign.orders).
NEXT_NUMBER = "CASE WHEN ordered_at >= :now THEN ordered_at + 1 ELSE CAST(:now AS BIGINT) END"
# Says what the brake does anyway; the order is for the workflows.
_PAUSE_CAMPAIGNS = text(f"""
    UPDATE campaign SET
        status = 'paused', paused_at = :now, paused_by = 'system', problem = :problem,
        ordered = 'pause', ordered_at = {NEXT_NUMBER}
    WHERE (:scope = '{EVERYTHING}' OR account_id = :scope) AND COALESCE(ordered, '') <> 'cancel'
        AND (status IN ('scheduled', 'running') OR (status = 'paused' AND ordered = 'resume'))
""")
_STOP = text("""
    INSERT INTO brake (scope, since, by_operator) VALUES (:scope, :now, :by_operator)
    ON CONFLICT (scope) DO UPDATE SET by_operator = brake.by_operator OR excluded.by_operator
    RETURNING scope, since, by_operator
""")
_START = text("""
    DELETE FROM brake WHERE scope = :scope AND (:by_operator OR NOT by_operator)
""")
_IN_FORCE = text("""
    SELECT scope, since, by_operator FROM brake ORDER BY CASE scope WHEN 'all' THEN 0 ELSE 1 END,
        since, scope
""")
_HELD = text(f"""
    SELECT count(*) FROM campaign
    WHERE status = 'paused' AND problem IN ('{ACCOUNT_CLOSED}', '{STOPPED}')
        AND (:scope = '{EVERYTHING}' OR account_id = :scope)
""")
# What a person paused or cancelled stays so. A campaign of a closed account waits for its opening.
_RESUMES = """
    paused_by = 'system' AND COALESCE(ordered, '') <> 'cancel' AND (
        SELECT account.active FROM account WHERE account.id = campaign.account_id
    )
"""
_RELEASE_CAMPAIGNS = text(f"""
    UPDATE campaign SET
        ordered = CASE WHEN {_RESUMES} THEN 'resume' ELSE ordered END,
        ordered_at = CASE WHEN {_RESUMES} THEN {NEXT_NUMBER} ELSE ordered_at END,
        problem = (
            SELECT CASE WHEN NOT account.active THEN '{ACCOUNT_CLOSED}' END
            FROM account WHERE account.id = campaign.account_id
        )
    WHERE status IN ({", ".join(f"'{status.value}'" for status in CAMPAIGN_OPEN)})
        AND problem = '{STOPPED}' AND NOT EXISTS (
            SELECT 1 FROM brake WHERE brake.scope IN ('{EVERYTHING}', campaign.account_id)
        )
""")


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop that is in force: its scope, since when, and whether the operator ordered it."""

    scope: str
    since: Instant
    by_operator: bool


class Brakes:
    """The stops in the database, of everything or of one account."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def stop(self, account_id: str | None, now: Instant, by_operator: bool) -> Stop:
        """Stop an account, or everything; from the first commit on nothing more is claimed.

        Open campaigns are paused in a transaction of their own, so that no lock on one of them
        delays the stop. A second run changes nothing, except that a stop by the operator can only
        be ended by the operator.
        """
        scope = account_id or EVERYTHING
        values = {"scope": scope, "now": now, "by_operator": by_operator}

        def work(connection: Connection) -> Stop:
            before = [one for one in _in_force(connection) if one.scope == scope]
            stop = Stop(*connection.execute(_STOP, values).one())
            if before != [stop]:
                after = {"byOperator": stop.by_operator}
                record(connection, Action.BRAKE_SET, scope, account=account_id, after=after)
            return stop

        stop = self._database.write(work)
        self._database.write(lambda connection: pause_campaigns(connection, scope, STOPPED, now))
        return stop

    def start(self, account_id: str | None, now: Instant, by_operator: bool) -> Sequence[Stop]:
        """End a stop and order its campaigns to go on; returns the stops that still hold them.

        An account can end only a stop of its own. What another stop or a person holds stays
        paused. A second run changes nothing.
        """
        scope = account_id or EVERYTHING
        values = {"scope": scope, "now": now, "by_operator": by_operator}

        def work(connection: Connection) -> Sequence[Stop]:
            if connection.execute(_START, values).rowcount:
                record(connection, Action.BRAKE_RELEASED, scope, account=account_id)
            connection.execute(_RELEASE_CAMPAIGNS, values)
            return [stop for stop in _in_force(connection) if stop.scope in (scope, EVERYTHING)]

        return self._database.write(work)

    def release(self, now: Instant) -> int:
        """Order campaigns to go on that a stop paused while it ended; returns how many."""
        return self._database.write(
            lambda connection: connection.execute(_RELEASE_CAMPAIGNS, {"now": now}).rowcount
        )

    def held(self, account_id: str | None) -> int:
        """How many campaigns, of an account or of all, are paused by a brake."""
        values = {"scope": account_id or EVERYTHING}
        return self._database.read(
            lambda connection: int(connection.execute(_HELD, values).scalar_one())
        )

    def in_force(self) -> Sequence[Stop]:
        """The stops that are in force, that of everything first."""
        return self._database.read(_in_force)


def brake_of(connection: Connection, campaign_id: str) -> str | None:
    """Return why a campaign must not send now, None when it may.

    Read without a lock: a claim that read it just before an order was committed is under way as a
    request is, for the length of its transaction.
    """
    return brake_and_changes(connection, campaign_id)[0]


def brake_and_changes(connection: Connection, campaign_id: str) -> tuple[str | None, int]:
    """Return the same, and how often the plan or the limits of the campaign have changed."""
    row = connection.execute(_BRAKE, {"campaign": campaign_id}).one()
    return None if row.brake is None else str(row.brake), row.changes


def pause_campaigns(connection: Connection, scope: str, problem: str, now: Instant) -> int:
    """Pause every campaign of a scope that is scheduled or running, by the system.

    Returns how many were paused now.
    """
    values = {"scope": scope, "now": now, "problem": problem}
    return connection.execute(_PAUSE_CAMPAIGNS, values).rowcount


def _in_force(connection: Connection) -> Sequence[Stop]:
    return [Stop(*row) for row in connection.execute(_IN_FORCE)]
