"""Orders to campaigns: in the store before they are answered, and until they are carried out."""

from collections.abc import Sequence

from sqlalchemy import BindParameter, Connection, bindparam, text

from campaign.activity import Action
from campaign.instants import SECOND, Instant
from campaign.orders import Order, Standing
from campaign.states import CAMPAIGN_OPEN, CampaignStatus
from store.campaigns.open_campaigns import WORKFLOW_LOST
from store.clock import now_of
from store.database.engine import Database
from store.shared.activity import record
from store.shared.brakes import BRAKE_OF_ACCOUNT, NEXT_NUMBER, brake_of

# So soon after a resume, another one is the same.
REPEATED_WITHIN: Instant = 10 * SECOND
_STATES: BindParameter[str] = bindparam(
    "open", [state.value for state in CAMPAIGN_OPEN], expanding=True
)
# A pause takes effect here: nothing is claimed for a paused campaign. Its instant is that of the
# first of several, and a new one where a resume was ordered in between.
_PAUSE = text(f"""
    UPDATE campaign SET
        status = 'paused',
        paused_at = CASE
            WHEN status = 'paused' AND COALESCE(ordered, '') <> 'resume' AND paused_at IS NOT NULL
                THEN paused_at
            ELSE CAST(:now AS BIGINT) END,
        paused_by = 'person',
        ordered_at = CASE
            WHEN status = 'paused' AND COALESCE(ordered, '') <> 'resume' THEN ordered_at
            ELSE {NEXT_NUMBER} END,
        ordered = CASE WHEN status = 'paused' AND ordered IS NULL THEN NULL ELSE 'pause' END
    WHERE id = :campaign AND status IN :open AND COALESCE(ordered, '') <> 'cancel'
""").bindparams(_STATES)
# The pause ends when the campaign has moved its plan by the length of it; else what fell due
# meanwhile would leave at once. It is numbered anew, so that it is signalled again; but not for a
# repeat in haste, or the run would begin again and again to carry out the newest. What a canary or
# a brake counted before is known to the person, and stops nothing again.
_RESUME = text(f"""
    UPDATE campaign SET
        ordered_at = CASE
            WHEN status = 'paused' AND ordered = 'resume'
                AND COALESCE(problem, '{WORKFLOW_LOST}') = '{WORKFLOW_LOST}'
                AND ordered_at BETWEEN :now - {REPEATED_WITHIN} AND :now THEN ordered_at
            ELSE {NEXT_NUMBER} END,
        ordered = 'resume', guarded_since = :now
    WHERE id = :campaign AND status IN :open AND (status = 'paused' OR problem IS NOT NULL)
        AND COALESCE(ordered, '') <> 'cancel'
        AND (
            SELECT CASE {BRAKE_OF_ACCOUNT} END FROM account WHERE account.id = campaign.account_id
        ) IS NULL
""").bindparams(_STATES)
_CANCEL = text(f"""
    UPDATE campaign SET ordered = 'cancel', ordered_at = {NEXT_NUMBER}
    WHERE id = :campaign AND status IN :open AND COALESCE(ordered, '') <> 'cancel'
""").bindparams(_STATES)
# Nothing leaves meanwhile; a pause holds from the verdict on.
_WHILE_PREPARING = text(f"""
    UPDATE campaign SET ordered = :order, ordered_at = {NEXT_NUMBER}
    WHERE id = :campaign AND status = 'preparing'
        AND COALESCE(ordered, '') NOT IN ('cancel', :order)
        AND (:order <> 'resume' OR ordered = 'pause')
""")
_GIVE = {Order.PAUSE: _PAUSE, Order.RESUME: _RESUME, Order.CANCEL: _CANCEL}
_ACTIONS = {
    Order.PAUSE: Action.CAMPAIGN_PAUSED,
    Order.RESUME: Action.CAMPAIGN_RESUMED,
    Order.CANCEL: Action.CAMPAIGN_CANCELLED,
}
_STANDING = text(f"""
    SELECT campaign.status, ordered, ordered_at, paused_at, CASE {BRAKE_OF_ACCOUNT} END AS brake
    FROM campaign JOIN account ON account.id = campaign.account_id
    WHERE campaign.id = :campaign
""")
_PENDING = text("""
    SELECT id FROM campaign
    WHERE status IN :open AND ordered IS NOT NULL
        AND (ordered_at < :before OR ordered_at > :now) AND id > :after
    ORDER BY id LIMIT :limit
""").bindparams(_STATES)
_CARRIED_OUT = text("""
    UPDATE campaign SET ordered = NULL
    WHERE id = :campaign AND ordered = :ordered AND ordered_at = :number
""")
# A cancel is carried out by the settlement, a resume of a pause by the plan's move.
_ACKNOWLEDGE = text("""
    UPDATE campaign SET ordered = NULL
    WHERE id = :campaign AND (ordered = 'pause' OR (ordered = 'resume' AND status <> 'paused'))
""")
_PAUSE_FOR_BRAKE = text("""
    UPDATE campaign
    SET status = 'paused', paused_at = :now, paused_by = 'system', problem = :problem
    WHERE id = :campaign AND status IN ('scheduled', 'running')
""")
_STATUSES = frozenset(status.value for status in CampaignStatus)


class Orders:
    """Orders in the database; every public method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, campaign_id: str, order: Order, now: Instant) -> Standing:
        """Write a pause, resume or cancel; returns where the campaign stands then.

        An ended campaign and a draft stay as they are, and so does one that is being cancelled. A
        resume changes nothing where nothing keeps the campaign from going on, or its account is
        closed or stopped. A second run changes nothing more. Raises NoResultFound for an unknown
        id.
        """

        def work(connection: Connection) -> Standing:
            before = _standing(connection, campaign_id)
            values = {"campaign": campaign_id, "now": now, "order": order.value}
            # First: its verdict may come between the two.
            connection.execute(_WHILE_PREPARING, values)
            connection.execute(_GIVE[order], values)
            after = _standing(connection, campaign_id)
            if (after.status, after.ordered, after.number) != (
                before.status,
                before.ordered,
                before.number,
            ):
                record(
                    connection,
                    _ACTIONS[order],
                    campaign_id,
                    campaign=campaign_id,
                    before={"status": before.status, "ordered": before.ordered},
                    after={"status": after.status, "ordered": after.ordered},
                )
            return after

        return self._database.write(work)

    def standing(self, campaign_id: str) -> Standing:
        """Where a campaign stands; raises NoResultFound for an unknown id."""
        return self._database.read(lambda connection: _standing(connection, campaign_id))

    def pending(self, before: Instant, now: Instant, after: str, limit: int) -> Sequence[str]:
        """Ids of open campaigns with an order from ``before`` that is not carried out, in order.

        An order numbered later than ``now`` counts as one from before.
        """
        values = {"before": before, "now": now, "after": after, "limit": limit}
        return self._database.read(
            lambda connection: connection.execute(_PENDING, values).scalars().all()
        )

    def carried_out(self, campaign_id: str, order: Order, number: Instant) -> None:
        """Take back an order that was carried out; one that came since stays."""
        values = {"campaign": campaign_id, "ordered": order.value, "number": number}
        self._database.write(lambda connection: connection.execute(_CARRIED_OUT, values))


def follow(connection: Connection, campaign_id: str, now: Instant) -> Standing:
    """See :meth:`campaign.ports.CampaignStore.follow_orders`; inside the caller's transaction."""
    brake = brake_of(connection, campaign_id)
    values = {"campaign": campaign_id, "now": now, "problem": brake}
    if brake is not None and brake not in _STATUSES:
        connection.execute(_PAUSE_FOR_BRAKE, values)
    connection.execute(_ACKNOWLEDGE, values)
    return _standing(connection, campaign_id)


def _standing(connection: Connection, campaign_id: str) -> Standing:
    row = connection.execute(_STANDING, {"campaign": campaign_id}).one()
    return Standing(
        status=CampaignStatus(row.status),
        ordered=None if row.ordered is None else Order(row.ordered),
        number=row.ordered_at or 0,
        paused_for=0 if row.paused_at is None else max(0, now_of(connection) - row.paused_at),
        brake=row.brake,
    )
