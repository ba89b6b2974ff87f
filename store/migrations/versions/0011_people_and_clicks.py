"""Erased numbers, events of clicks, previews of links, and a short-link domain for each account"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a table, five columns and an index; nobody is erased and nothing is a preview yet."""
    if op.get_bind().dialect.name == "postgresql":
        # The connection limits each statement to 30 s, and the index reads a whole table.
        op.execute("SET LOCAL statement_timeout = 0")
    op.create_table(
        "erased_number",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("account_id", "hash"),
    )
    op.create_index("link_by_message", "link", ["message_id"], unique=False)
    op.add_column("link", sa.Column("previews", sa.Integer(), nullable=False, server_default="0"))
    op.add_column(
        "link_click",
        sa.Column("preview", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("callback", sa.Column("click_id", sa.String(), nullable=True))
    op.add_column("campaign", sa.Column("texts_removed_at", sa.BigInteger(), nullable=True))
    op.add_column("account", sa.Column("short_link_host", sa.String(), nullable=True))
    op.create_index("account_by_short_link_host", "account", ["short_link_host"], unique=True)
