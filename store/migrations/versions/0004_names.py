"""Columns and tables under the names that the code calls them by"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = (
    ("message", "lease_until", "claimed_until"),
    ("message", "judged_text", "compliance_text"),
    ("message", "in_doubt", "was_unknown"),
    ("message", "news_url", "callback_url"),
    ("message", "news_method", "callback_method"),
    ("callback", "lease_until", "claimed_until"),
    ("lease", "wish", "purpose"),
    ("reply_way", "way", "channel"),
)
TABLES = (("reply_way", "reply_channel"), ("pace", "rate"))


def upgrade() -> None:
    """Rename in place; no row is touched."""
    for table, old, new in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    for old, new in TABLES:
        op.execute(f"ALTER TABLE {old} RENAME TO {new}")
