"""Canaries and brakes of campaigns, and when the outcomes of their messages were recorded"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, all null: nothing that exists has a canary or a brake."""
    op.add_column("campaign", sa.Column("canary", sa.Text(), nullable=True))
    op.add_column("campaign", sa.Column("canary_end", sa.Integer(), nullable=True))
    op.add_column("campaign", sa.Column("canary_decision", sa.String(), nullable=True))
    op.add_column("campaign", sa.Column("brake", sa.Text(), nullable=True))
    op.add_column("campaign", sa.Column("guarded_since", sa.BigInteger(), nullable=True))
    op.add_column("campaign", sa.Column("stop", sa.Text(), nullable=True))
    op.add_column("message", sa.Column("outcome_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "message_outcomes",
        "message",
        ["campaign_id", "outcome_at"],
        sqlite_where=sa.text("outcome_at IS NOT NULL"),
        postgresql_where=sa.text("outcome_at IS NOT NULL"),
    )
