"""Messages can be removed while their campaigns keep their counts, reports and books"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None
# The columns of each table: what is grouped by, counts, credits, and instants, which may be null.
_TABLES: dict[str, tuple[tuple[str, ...], ...]] = {
    "removed_message": (
        ("status", "reason", "country"),
        ("messages", "attempts", "segments", "segments_sent"),
        ("credits_sms", "credits_mms"),
        ("first_sent_at", "last_sent_at"),
    ),
    "removed_attempt": (("carrier", "outcome", "code"), ("attempts",), (), ()),
    "removed_click": ((), ("total", "people", "previews"), (), ()),
}


def upgrade() -> None:
    """Create the sums, and let the trigger on deleted messages leave those counts alone."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    if is_postgres:
        # The connection limits each statement to 30 s, and an index reads a whole table.
        op.execute("SET LOCAL statement_timeout = 0")
    for table, (groups, counts, credits, instants) in _TABLES.items():
        op.create_table(
            table,
            sa.Column("campaign_id", sa.String(), sa.ForeignKey("campaign.id"), nullable=False),
            *(sa.Column(name, sa.String(), nullable=False) for name in groups),
            *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
            *(sa.Column(name, sa.BigInteger(), nullable=False) for name in credits),
            *(sa.Column(name, sa.BigInteger(), nullable=True) for name in instants),
            sa.PrimaryKeyConstraint("campaign_id", *groups),
        )
    op.add_column("campaign", sa.Column("messages_removed_at", sa.BigInteger(), nullable=True))
    op.add_column(
        "campaign",
        sa.Column("messages_kept", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
    kept = sa.text("messages_kept")
    op.create_index(
        "campaign_with_messages",
        "campaign",
        ["finished_at"],
        sqlite_where=kept,
        postgresql_where=kept,
    )
    # A link can only be removed after its visits were looked up.
    op.create_index("link_click_by_code", "link_click", ["code"])
    for statement in _POSTGRES if is_postgres else _SQLITE:
        op.execute(statement)


_IS_REMOVED = """
    SELECT 1 FROM campaign WHERE id = {row}.campaign_id AND messages_removed_at IS NOT NULL
"""
_SQLITE = (
    "DROP TRIGGER message_deleted",
    f"""
    CREATE TRIGGER message_deleted AFTER DELETE ON message
    WHEN (old.status NOT IN ('queued', 'sending') OR COALESCE(old.reason, old.error) > '')
        AND NOT EXISTS ({_IS_REMOVED.format(row="old")})
    BEGIN
        INSERT INTO message_count (campaign_id, slot, status, reason, messages)
        VALUES (old.campaign_id, 0, old.status, COALESCE(old.reason, old.error, ''), -1)
        ON CONFLICT (campaign_id, slot, status, reason)
        DO UPDATE SET messages = message_count.messages + excluded.messages;
    END
    """,
)
_POSTGRES = (
    f"""
    CREATE OR REPLACE FUNCTION count_messages_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO message_count (campaign_id, slot, status, reason, messages)
        SELECT campaign_id, pg_backend_pid() % 256, status, reason, -count(*)
        FROM (
            SELECT campaign_id, status, COALESCE(reason, error, '') AS reason FROM before
            WHERE NOT EXISTS ({_IS_REMOVED.format(row="before")})
        ) AS gone
        WHERE status NOT IN ('queued', 'sending') OR reason <> ''
        GROUP BY campaign_id, status, reason
        ORDER BY campaign_id, status, reason
        ON CONFLICT (campaign_id, slot, status, reason)
        DO UPDATE SET messages = message_count.messages + excluded.messages;
        RETURN NULL;
    END $$
    """,
)
