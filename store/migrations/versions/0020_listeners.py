"""Listeners: endpoints without a URL, whose deliveries a client fetches"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; every webhook of before has a URL and no end."""
    op.add_column("webhook", sa.Column("listens_until", sa.BigInteger(), nullable=True))
