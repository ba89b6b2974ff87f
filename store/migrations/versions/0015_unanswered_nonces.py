"""The signature of a request that used a nonce and is not answered yet"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; every nonce of before counts as answered."""
    op.add_column("nonce", sa.Column("signature", sa.String(), nullable=True))
