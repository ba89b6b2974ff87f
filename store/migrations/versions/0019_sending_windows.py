"""Purpose, window, expiry and validity of campaigns, and their defaults"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, all null: nothing that exists has a window or expires."""
    op.add_column("account", sa.Column("purpose", sa.String(), nullable=True))
    op.add_column("account", sa.Column("marketing_window", sa.String(), nullable=True))
    op.add_column("campaign", sa.Column("purpose", sa.String(), nullable=True))
    op.add_column("campaign", sa.Column("sending_window", sa.Text(), nullable=True))
    op.add_column("campaign", sa.Column("expires_at", sa.BigInteger(), nullable=True))
    op.add_column("campaign", sa.Column("validity_seconds", sa.Integer(), nullable=True))
    op.add_column("message", sa.Column("time_zone", sa.String(), nullable=True))
