"""Large campaigns are prepared in pages"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add how far campaigns are prepared; those of before were written as a whole."""
    op.add_column("campaign", sa.Column("expected_total", sa.Integer(), nullable=True))
    op.create_table(
        "preparation",
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("draft", sa.Text(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("after_number", sa.String(), nullable=True),
        sa.Column("validated", sa.Integer(), nullable=False),
        sa.Column("to_send", sa.Integer(), nullable=False),
        sa.Column("credits_sms", sa.BigInteger(), nullable=False),
        sa.Column("credits_mms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"]),
        sa.PrimaryKeyConstraint("campaign_id"),
    )
