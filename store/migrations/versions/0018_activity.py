"""The record of who did what, test sends, and the most that a campaign may cost"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, empty, and the columns; no campaign of before is a test or has a limit."""
    for name in ("credits_max_sms", "credits_max_mms"):
        op.add_column("campaign", sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column(
        "campaign",
        sa.Column("is_test", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "activity",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("address", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("activity_by_account", "activity", ["account_id", "at", "id"])
    op.create_index("activity_by_instant", "activity", ["at", "id"])
