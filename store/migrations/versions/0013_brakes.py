"""Stops of all sending, or of one account's"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of the stops that are in force; there is none at first."""
    op.create_table(
        "brake",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("by_operator", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("scope"),
    )
