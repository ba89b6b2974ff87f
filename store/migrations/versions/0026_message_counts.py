"""Counts of messages by status, and an index from which timelines are read"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None
# One statement counts the messages of campaigns that have about so many.
_STEP = 100_000
_FILL = sa.text("""
    INSERT INTO message_count (campaign_id, slot, status, reason, messages)
    SELECT campaign_id, 0, status, COALESCE(reason, error, ''), count(*)
    FROM message
    WHERE campaign_id > :after AND campaign_id <= :last
        AND (status NOT IN ('queued', 'sending') OR COALESCE(reason, error, '') <> '')
    GROUP BY campaign_id, status, COALESCE(reason, error, '')
""")
_PAGE = sa.text("""
    SELECT id, total FROM campaign WHERE id > :after ORDER BY id LIMIT 1000
""")


def upgrade() -> None:
    """Create the table, count what is there, and let triggers keep the counts from now on."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    if is_postgres:
        # The connection limits each statement to 30 s, and the index reads a whole table.
        op.execute("SET LOCAL statement_timeout = 0")
    op.create_table(
        "message_count",
        sa.Column("campaign_id", sa.String(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "slot", "status", "reason"),
    )
    # The triggers come first: in PostgreSQL they lock the table against changes until the end.
    for statement in _POSTGRES if is_postgres else _SQLITE:
        op.execute(statement)
    _fill()
    op.drop_index("message_queue", "message")
    columns = ["campaign_id", "status", "due_at", "sent_at", "final_at"]
    op.create_index("message_queue", "message", columns)


def _fill() -> None:
    connection = op.get_bind()
    after, counted = "", 0
    last = after
    while page := connection.execute(_PAGE, {"after": last}).all():
        for row in page:
            last, counted = row.id, counted + row.total
            if counted >= _STEP:
                connection.execute(_FILL, {"after": after, "last": last})
                after, counted = last, 0
    connection.execute(_FILL, {"after": after, "last": last})


def _is_counted(row: str) -> str:
    return (
        f"({row}.status NOT IN ('queued', 'sending') OR COALESCE({row}.reason, {row}.error) > '')"
    )


def _add(row: str, slot: str, number: int) -> str:
    """One message more, or less, like ``row``; the row is a value of the trigger."""
    return f"""
        INSERT INTO message_count (campaign_id, slot, status, reason, messages)
        SELECT {row}.campaign_id, {slot}, {row}.status, COALESCE({row}.reason, {row}.error, ''),
            {number}
        WHERE {_is_counted(row)}
        ON CONFLICT (campaign_id, slot, status, reason)
        DO UPDATE SET messages = message_count.messages + excluded.messages;
    """


_SQLITE = (
    f"""
    CREATE TRIGGER message_inserted AFTER INSERT ON message WHEN {_is_counted("new")}
    BEGIN {_add("new", "0", 1)} END
    """,
    f"""
    CREATE TRIGGER message_deleted AFTER DELETE ON message WHEN {_is_counted("old")}
    BEGIN {_add("old", "0", -1)} END
    """,
    f"""
    CREATE TRIGGER message_updated AFTER UPDATE OF status, reason, error ON message
    WHEN ({_is_counted("old")} OR {_is_counted("new")})
        AND (old.status <> new.status
            OR COALESCE(old.reason, old.error, '') <> COALESCE(new.reason, new.error, ''))
    BEGIN {_add("old", "0", -1)} {_add("new", "0", 1)} END
    """,
)
# Messages are inserted one by one and hardly ever with a reason, so the first trigger is for each
# row. The others are for each statement, which costs less for a chunk.
_POSTGRES_SLOT = "pg_backend_pid() % 256"
_OLD, _NEW = (
    f"""
    SELECT campaign_id, status, COALESCE(reason, error, '') AS reason, {number} AS messages
    FROM {table}
    """
    for table, number in (("before", -1), ("after", 1))
)


def _function(name: str, rows: str) -> str:
    return f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO message_count (campaign_id, slot, status, reason, messages)
            SELECT campaign_id, {_POSTGRES_SLOT}, status, reason, sum(messages)
            FROM ({rows}) AS moved
            WHERE status NOT IN ('queued', 'sending') OR reason <> ''
            GROUP BY campaign_id, status, reason HAVING sum(messages) <> 0
            ORDER BY campaign_id, status, reason
            ON CONFLICT (campaign_id, slot, status, reason)
            DO UPDATE SET messages = message_count.messages + excluded.messages;
            RETURN NULL;
        END $$
    """


_POSTGRES = (
    f"""
    CREATE FUNCTION count_message_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN {_add("new", _POSTGRES_SLOT, 1)} RETURN NULL; END $$
    """,
    f"""
    CREATE TRIGGER message_inserted AFTER INSERT ON message FOR EACH ROW
    WHEN {_is_counted("new")} EXECUTE FUNCTION count_message_inserted()
    """,
    _function("count_messages_deleted", _OLD),
    """
    CREATE TRIGGER message_deleted AFTER DELETE ON message REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION count_messages_deleted()
    """,
    _function("count_messages_updated", f"{_OLD} UNION ALL {_NEW}"),
    """
    CREATE TRIGGER message_updated AFTER UPDATE ON message
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION count_messages_updated()
    """,
)
