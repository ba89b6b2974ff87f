"""Numbers of opt-outs and lists in the form that every way in gives them now"""

import sqlalchemy as sa
from alembic import op

from campaign.phone import canonical_number

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_READ_AT_ONCE = 10_000


def upgrade() -> None:
    """Rewrite what an older reader stored otherwise, so that no opt-out is lost.

    Where both forms are there, one is left. What no reader takes any more stays as it is.
    """
    _rewrite("opt_out", "account_id", "source, created_at")
    _rewrite("list_member", "list_id", "fields, added_at")


def _rewrite(table: str, owner: str, others: str) -> None:
    connection = op.get_bind()
    stored = sa.text(f"SELECT {owner} AS owner, number FROM {table}")
    rows = connection.execute(stored).yield_per(_READ_AT_ONCE)
    changed = [
        {"owner": row.owner, "old": row.number, "new": number}
        for row in rows
        if (number := canonical_number(row.number)) not in (None, row.number)
    ]
    if not changed:
        return
    copy = f"""
        INSERT INTO {table} ({owner}, number, {others})
        SELECT {owner}, :new, {others} FROM {table} WHERE {owner} = :owner AND number = :old
        ON CONFLICT DO NOTHING
    """
    connection.execute(sa.text(copy), changed)
    delete = f"DELETE FROM {table} WHERE {owner} = :owner AND number = :old"
    connection.execute(sa.text(delete), changed)
