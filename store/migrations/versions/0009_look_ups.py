"""Since when messages are looked up before they are sent, after a restore"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; nothing that is there was restored."""
    op.add_column("campaign", sa.Column("look_up_since", sa.BigInteger(), nullable=True))
