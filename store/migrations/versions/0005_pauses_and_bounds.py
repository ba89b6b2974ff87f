"""Who paused a campaign and since when, its problem, and bounds for the instants of a plan"""

import time

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# 2200-01-01T00:00:00Z in milliseconds, as campaign.instants.INSTANT_MAX was at this revision.
LATEST = 7_258_118_400_000
CAMPAIGN_PLAN = (
    f"base_at BETWEEN 0 AND {LATEST} "
    f"AND (scheduled_at IS NULL OR scheduled_at BETWEEN 0 AND {LATEST})"
)
MESSAGE_DUE = f"due_at BETWEEN 0 AND {LATEST}"


def upgrade() -> None:
    """Add three columns and two checks; an instant outside the bounds becomes the nearest one."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        # The connection limits each statement to 30 s, and these read whole tables.
        op.execute("SET LOCAL statement_timeout = 0")
    for table, column in (
        ("campaign", "base_at"),
        ("campaign", "scheduled_at"),
        ("message", "due_at"),
    ):
        op.execute(f"UPDATE {table} SET {column} = 0 WHERE {column} < 0")
        op.execute(f"UPDATE {table} SET {column} = {LATEST} WHERE {column} > {LATEST}")
    op.add_column("campaign", sa.Column("paused_by", sa.String(), nullable=True))
    op.add_column("campaign", sa.Column("problem", sa.String(), nullable=True))
    if postgresql:
        op.add_column("campaign", sa.Column("paused_at", sa.BigInteger(), nullable=True))
        for table, name, check in (
            ("campaign", "campaign_plan_in_bounds", CAMPAIGN_PLAN),
            ("message", "message_due_in_bounds", MESSAGE_DUE),
        ):
            op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({check}) NOT VALID")
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
    else:
        # SQLite adds a check to a table only by making it anew, which the foreign keys of its
        # messages forbid, or together with a column.
        op.execute(
            "ALTER TABLE campaign ADD COLUMN paused_at BIGINT "
            f"CONSTRAINT campaign_plan_in_bounds CHECK ({CAMPAIGN_PLAN})"
        )
        with op.batch_alter_table("message", schema=None) as batch_op:
            batch_op.create_check_constraint("message_due_in_bounds", MESSAGE_DUE)
    # The store did not know since when a campaign is paused: from now on, at the latest.
    now = time.time_ns() // 1_000_000
    op.execute(
        f"UPDATE campaign SET paused_by = 'person', paused_at = {now} WHERE status = 'paused'"
    )
