"""Campaigns of the sandbox, and the trigger that keeps them from every real carrier"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# A worker of a version that knows no sandbox would choose a real carrier. An attempt is committed
# before its first byte leaves, so that nothing leaves that the trigger refuses.
SQLITE = """
    CREATE TRIGGER attempt_in_sandbox BEFORE INSERT ON attempt
    WHEN (COALESCE(NEW.carrier, '') = 'sandbox')
        <> (SELECT sandbox FROM campaign WHERE id = NEW.campaign_id)
    BEGIN
        SELECT RAISE(ABORT, 'the carrier of this attempt is not that of its sandbox');
    END
"""
POSTGRESQL = """
    CREATE FUNCTION attempt_in_sandbox() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            SELECT 1 FROM (
                SELECT DISTINCT campaign_id, COALESCE(carrier, '') = 'sandbox' AS in_sandbox
                FROM added
            ) AS a
            WHERE a.in_sandbox <> (SELECT sandbox FROM campaign WHERE id = a.campaign_id)
        ) THEN
            RAISE integrity_constraint_violation
                USING MESSAGE = 'the carrier of this attempt is not that of its sandbox';
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER attempt_in_sandbox AFTER INSERT ON attempt
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION attempt_in_sandbox();
"""


def upgrade() -> None:
    """Add the column, false for every campaign of before, and the trigger."""
    op.add_column(
        "campaign",
        sa.Column("sandbox", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.execute(SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL)
