"""Speeds, the health of carriers, and who goes through which"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns; without rows in them nothing changes."""
    op.create_table(
        "carrier_state",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("down_since", sa.BigInteger(), nullable=True),
        sa.Column("probe_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "pace",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("rate", sa.Float(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope"),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("carriers", sa.String(), nullable=True))

    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.add_column(sa.Column("carrier", sa.String(), nullable=True))

    with op.batch_alter_table("sender", schema=None) as batch_op:
        batch_op.add_column(sa.Column("carriers", sa.String(), nullable=True))
