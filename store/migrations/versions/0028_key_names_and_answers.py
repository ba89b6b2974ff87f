"""API keys have names, and campaigns know whether they answer an inbound text"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None
# Answers of before are known by the idempotency keys that Godwit gave them.
_FILL = sa.text("""
    UPDATE campaign SET is_answer = :yes
    WHERE total = 1 AND (
        name = 'Answer' AND (key LIKE 'console:answer:%' OR key LIKE 'sandbox/console:answer:%')
        OR name LIKE 'Answer to %' AND key LIKE 'auto:%'
        OR name IS NULL AND key LIKE 'reply:%'
    )
""").bindparams(yes=True)


def upgrade() -> None:
    """Add both columns; the keys of before have no name."""
    op.add_column("api_key", sa.Column("name", sa.String(), nullable=True))
    op.add_column(
        "campaign",
        sa.Column("is_answer", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.execute(_FILL)
