"""An index of messages by the reference that their account gave them"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_HAS_REFERENCE = sa.text("reference IS NOT NULL")


def upgrade() -> None:
    """Add the index; messages without a reference are not in it."""
    if op.get_bind().dialect.name == "postgresql":
        # The connection limits each statement to 30 s, and the index reads a whole table.
        op.execute("SET LOCAL statement_timeout = 0")
    op.create_index(
        "message_by_reference",
        "message",
        ["reference"],
        unique=False,
        sqlite_where=_HAS_REFERENCE,
        postgresql_where=_HAS_REFERENCE,
    )
