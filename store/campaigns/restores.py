"""A store that is an older copy: its campaigns look messages up, and their workflows follow it."""

from sqlalchemy import BindParameter, Connection, bindparam, text

from campaign.instants import Instant
from campaign.states import CAMPAIGN_OPEN
from store.database.engine import Database
from store.shared.brakes import NEXT_NUMBER

_STATES: BindParameter[str] = bindparam(
    "open", [state.value for state in CAMPAIGN_OPEN], expanding=True
)
_LOOK_UP = text("UPDATE campaign SET look_up_since = created_at WHERE look_up_since IS NULL")
# A workflow may have got orders, waits and waves that the copy does not know. An order with a new
# number has it do as the store says.
_ORDER = text(f"""
    UPDATE campaign SET
        ordered = COALESCE(ordered, CASE WHEN status = 'paused' THEN 'pause' ELSE 'resume' END),
        ordered_at = {NEXT_NUMBER}
    WHERE status IN :open
""").bindparams(_STATES)


def mark_restored(database: Database, now: Instant) -> int:
    """Note that the store is an older copy, for every campaign in it; returns for how many.

    From now on each message of theirs is looked up before it is sent, and the workflow of each
    open campaign gets its last order once more. A second run repeats the orders alone. Workers may
    not run meanwhile: they remember campaigns for a while.
    """

    def work(connection: Connection) -> int:
        connection.execute(_ORDER, {"now": now})
        return connection.execute(_LOOK_UP).rowcount

    return database.write(work)
