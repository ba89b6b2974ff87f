"""Campaigns that are being written in the console"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables of drafts and of the rows of their tables; there are none at first."""
    op.create_table(
        "draft_campaign",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("choices", sa.Text(), nullable=False),
        sa.Column("header", sa.Text(), nullable=True),
        sa.Column("campaign_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("draft_campaign_by_key", "draft_campaign", ["key_id", "updated_at"])
    op.create_index("ix_draft_campaign_updated_at", "draft_campaign", ["updated_at"])
    op.create_table(
        "draft_row",
        sa.Column("draft_id", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("cells", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["draft_id"], ["draft_campaign.id"]),
        sa.PrimaryKeyConstraint("draft_id", "line"),
    )
    op.create_index("draft_row_by_number", "draft_row", ["number"])
