"""Inbound texts that nobody has read in the console"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None
_UNREAD = sa.text("unread")


def upgrade() -> None:
    """Add the mark; the texts of before count as read."""
    op.add_column(
        "inbound_message",
        sa.Column("unread", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index(
        "inbound_unread",
        "inbound_message",
        ["account_id", "received_at", "id"],
        sqlite_where=_UNREAD,
        postgresql_where=_UNREAD,
    )
