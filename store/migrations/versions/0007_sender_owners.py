"""One owner for each sender, and senders that are only requested"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table and the column; every sender that exists is approved and keeps working."""
    op.create_table(
        "sender_owner",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("name"),
    )
    with op.batch_alter_table("sender", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("status", sa.String(), nullable=False, server_default="approved")
        )
    # Only the rows that were there before need it; new ones say it themselves.
    with op.batch_alter_table("sender", schema=None) as batch_op:
        batch_op.alter_column("status", server_default=None, existing_type=sa.String())
    op.execute(
        "INSERT INTO sender_owner (name, account_id) "
        "SELECT number, NULL FROM pool_number WHERE TRUE"
    )
    # Where two accounts have one address, it belongs to the one that had it first.
    op.execute(
        "INSERT INTO sender_owner (name, account_id) "
        "SELECT lower(address), account_id FROM sender WHERE TRUE ORDER BY created_at, account_id "
        "ON CONFLICT (name) DO NOTHING"
    )
