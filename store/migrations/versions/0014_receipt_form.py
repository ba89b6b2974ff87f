"""The form of an account's receipts, and deliveries by message"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, null for JSON, and the index."""
    op.add_column("account", sa.Column("receipt_form", sa.String(), nullable=True))
    op.create_index("callback_by_message", "callback", ["message_id", "destination", "status"])
