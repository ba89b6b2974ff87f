"""The price of a message, the carrier of its retry, and earlier texts of attempts"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, all null: what exists has the standard prices and one text."""
    op.add_column("message", sa.Column("credits_sms", sa.Integer(), nullable=True))
    op.add_column("message", sa.Column("credits_mms", sa.Integer(), nullable=True))
    op.add_column("message", sa.Column("carrier", sa.String(), nullable=True))
    op.add_column("attempt", sa.Column("text", sa.Text(), nullable=True))
