"""What the texts of a campaign were made of, so that they can be made again"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, all null: the texts of campaigns that exist cannot be edited."""
    op.add_column("campaign", sa.Column("template", sa.Text(), nullable=True))
    op.add_column("message", sa.Column("fields", sa.Text(), nullable=True))
    op.add_column("message", sa.Column("own_text", sa.Boolean(), nullable=True))
    op.add_column("message", sa.Column("next_text", sa.Text(), nullable=True))
