"""Every inbound text, whatever it answers, and the count of replies of a campaign"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep the replies of leased numbers as inbound messages, and count them."""
    if op.get_bind().dialect.name == "postgresql":
        # The connection limits each statement to 30 s, and the index reads a whole table.
        op.execute("SET LOCAL statement_timeout = 0")
    _create_inbound_message()
    op.execute("""
        INSERT INTO inbound_message (
            id, account_id, writer, number, body, received_at, campaign_id, message_id,
            needs_review
        )
        SELECT r.id, r.account_id, r.writer, r.number, r.body, r.received_at,
            (SELECT m.campaign_id FROM message m WHERE m.id = r.message_id), r.message_id,
            FALSE
        FROM reply r
    """)
    _replace_reply_channel()
    op.drop_table("reply")
    op.create_index("message_by_recipient", "message", ["recipient"], unique=False)
    op.add_column(
        "campaign", sa.Column("replies", sa.Integer(), nullable=False, server_default="0")
    )
    op.execute("""
        UPDATE campaign
        SET replies = (SELECT count(*) FROM inbound_message i WHERE i.campaign_id = campaign.id)
        WHERE id IN (SELECT campaign_id FROM inbound_message)
    """)


def _create_inbound_message() -> None:
    op.create_table(
        "inbound_message",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=True),
        sa.Column("writer", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("media_urls", sa.Text(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("needs_review", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for name, columns in (
        ("inbound_by_account", ["account_id", "received_at", "id"]),
        ("inbound_by_writer", ["account_id", "writer"]),
        ("inbound_by_campaign", ["campaign_id"]),
    ):
        op.create_index(name, "inbound_message", columns, unique=False)


def _replace_reply_channel() -> None:
    op.rename_table("reply_channel", "reply_channel_before")
    op.create_table(
        "reply_channel",
        sa.Column("callback_id", sa.String(), nullable=False),
        sa.Column("inbound_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["inbound_id"], ["inbound_message.id"]),
        sa.PrimaryKeyConstraint("callback_id"),
    )
    op.execute("""
        INSERT INTO reply_channel (callback_id, inbound_id, channel)
        SELECT callback_id, reply_id, channel FROM reply_channel_before
    """)
    op.drop_table("reply_channel_before")
