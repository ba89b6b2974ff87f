"""Campaigns keep the trace of the request that brought them"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; campaigns of before have no trace."""
    op.add_column("campaign", sa.Column("traceparent", sa.String(), nullable=True))
