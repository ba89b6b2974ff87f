"""The order that a campaign has got and not carried out yet, and the number of its last order"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ORDERED = (
    "ordered IS NULL "
    "OR (ordered_at IS NOT NULL AND ordered IN ('pause', 'resume', 'cancel', 'retry'))"
)


def upgrade() -> None:
    """Add two columns and their check; no campaign has an order yet."""
    op.add_column("campaign", sa.Column("ordered_at", sa.BigInteger(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("campaign", sa.Column("ordered", sa.String(), nullable=True))
        op.create_check_constraint("campaign_order_known", "campaign", ORDERED)
    else:
        # SQLite adds a check to a table only together with a column (see 0005).
        op.execute(
            "ALTER TABLE campaign ADD COLUMN ordered VARCHAR "
            f"CONSTRAINT campaign_order_known CHECK ({ORDERED})"
        )
