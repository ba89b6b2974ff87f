"""Campaigns, their messages, and the attempts at each message."""

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, false, text, true
from sqlmodel import Field, SQLModel

from campaign.instants import INSTANT_MAX

_PLAN_IN_BOUNDS = (
    f"base_at BETWEEN 0 AND {INSTANT_MAX} "
    f"AND (scheduled_at IS NULL OR scheduled_at BETWEEN 0 AND {INSTANT_MAX})"
)


_ORDER_KNOWN = (
    "ordered IS NULL "
    "OR (ordered_at IS NOT NULL AND ordered IN ('pause', 'resume', 'cancel', 'retry'))"
)
_HAS_MESSAGES = text("messages_kept")
# Few messages fail, so the index is small; the search for dead numbers reads it.
_FAILED = text("status IN ('failed', 'undelivered')")
# Costs nothing where nobody uses references.
_HAS_REFERENCE = text("reference IS NOT NULL")
# Costs nothing in campaigns without a canary and a brake.
_HAS_OUTCOME = text("outcome_at IS NOT NULL")


class CampaignRow(SQLModel, table=True):
    """One accepted request to send; ``base_at`` is the instant that its plan counts from.

    ``paused_at`` and ``paused_by`` ("person" or "system") are set while it is paused. ``problem``
    names in a few machine-readable words what keeps an open campaign from going on by itself.
    ``ordered`` is the last order until it is carried out; ``ordered_at`` stays afterwards, as the
    number of that order (campaign.orders). With ``look_up_since`` the store was restored from a
    copy, and a carrier may have accepted any message of it since then. ``replies`` counts the
    inbound texts that answer it. ``texts_removed_at`` is when the texts of its messages
    were removed, because they are kept for a limited time only. ``sandbox`` campaigns reach no
    real carrier and take no credits. ``credits_max_sms`` and ``credits_max_mms`` are the most that
    it may hold. ``is_test`` campaigns send a text of another one to the sender's own numbers.
    ``sending_window`` is the JSON of its window (campaign/sending_windows.py). Nothing leaves at
    ``expires_at`` or later. ``canary`` and ``brake`` are JSON (campaign/canary.py). Until the
    canary has ended, no message from position ``canary_end`` on leaves; ``canary_decision`` is "go"
    or "stop". Outcomes until ``guarded_since`` count for no brake. ``stop`` is the JSON of why a
    canary or brake stopped it last (campaign/sequential_test.py).
    ``template`` is the JSON of what its texts are made of
    (campaign/text_edits.py), and null of a campaign that is older than that. ``traceparent`` is the
    span of the request that brought it, if that is sampled. ``is_answer`` campaigns are the one
    message that answers or forwards an inbound text. From ``messages_removed_at`` on its messages
    are being removed (store/people/removal.py), until it has no ``messages_kept``.
    ``expected_total`` is how many recipients a campaign had that is prepared in pages; its
    ``total`` grows with them.
    """

    __tablename__ = "campaign"
    __table_args__ = (
        Index(
            "campaign_with_messages",
            "finished_at",
            sqlite_where=_HAS_MESSAGES,
            postgresql_where=_HAS_MESSAGES,
        ),
        Index("campaign_by_account", "account_id", "created_at"),
        CheckConstraint(_PLAN_IN_BOUNDS, name="campaign_plan_in_bounds"),
        CheckConstraint(_ORDER_KNOWN, name="campaign_order_known"),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    dialect: str
    status: str = Field(index=True)
    total: int
    created_at: int = Field(sa_type=BigInteger)
    name: str | None = None
    sender: str | None = None
    scheduled_at: int | None = Field(default=None, sa_type=BigInteger)
    spread_hours: float = 0.0
    base_at: int = Field(sa_type=BigInteger)
    key: str | None = None
    payload_hash: str = ""
    exclude_opt_outs: bool = True
    unknown_policy: str = "hold"
    pauses_applied: int = 0
    refusals: str | None = Field(default=None, sa_type=Text)
    started_at: int | None = Field(default=None, sa_type=BigInteger)
    finished_at: int | None = Field(default=None, sa_type=BigInteger)
    paused_at: int | None = Field(default=None, sa_type=BigInteger)
    paused_by: str | None = None
    problem: str | None = None
    ordered: str | None = None
    ordered_at: int | None = Field(default=None, sa_type=BigInteger)
    look_up_since: int | None = Field(default=None, sa_type=BigInteger)
    replies: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    texts_removed_at: int | None = Field(default=None, sa_type=BigInteger)
    sandbox: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    purpose: str | None = None
    sending_window: str | None = Field(default=None, sa_type=Text)
    expires_at: int | None = Field(default=None, sa_type=BigInteger)
    validity_seconds: int | None = None
    credits_max_sms: int | None = Field(default=None, sa_type=BigInteger)
    credits_max_mms: int | None = Field(default=None, sa_type=BigInteger)
    is_test: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    canary: str | None = Field(default=None, sa_type=Text)
    canary_end: int | None = None
    canary_decision: str | None = None
    brake: str | None = Field(default=None, sa_type=Text)
    guarded_since: int | None = Field(default=None, sa_type=BigInteger)
    stop: str | None = Field(default=None, sa_type=Text)
    template: str | None = Field(default=None, sa_type=Text)
    traceparent: str | None = None
    is_answer: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    messages_removed_at: int | None = Field(default=None, sa_type=BigInteger)
    messages_kept: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    expected_total: int | None = None


class MessageRow(SQLModel, table=True):
    """A rendered message to one recipient, and its state.

    ``position`` counts from 0 in the order of the request. ``due_at`` is the planned instant of
    the next try. ``list_id`` is the mailing list of the recipient, if any. ``compliance_text`` is
    the text before links were shortened, which the rules check. While the message is ``sending``,
    ``claimed_by`` names the running attempt of the chunk, which starts no request after
    ``claimed_until``. ``was_unknown`` means that an earlier try may have been sent, although
    policy requeued the message. ``time_zone`` is the recipient's, if the request named one.
    ``credits_sms`` and ``credits_mms`` are its price, both null for the standard one of its kind.
    ``carrier`` is the one that a retry chose for it. In a campaign with a canary or a brake
    ``outcome_at`` is when the last answer, receipt or opt-out was recorded.
    ``fields`` is the JSON of the values for tags, if there are any; with ``own_text`` the request
    had a text for this recipient alone. ``next_text`` is the change (store/shared/text_changes.py)
    that a message gets which was being sent when the campaign's text changed, if it is put off.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index("message_by_id", "id", unique=True),
        # A timeline is read from it alone. It is written at each change of the status anyway.
        Index("message_queue", "campaign_id", "status", "due_at", "sent_at", "final_at"),
        Index("message_by_recipient", "recipient"),
        Index("message_failed", "recipient", sqlite_where=_FAILED, postgresql_where=_FAILED),
        Index(
            "message_by_reference",
            "reference",
            sqlite_where=_HAS_REFERENCE,
            postgresql_where=_HAS_REFERENCE,
        ),
        Index(
            "message_outcomes",
            "campaign_id",
            "outcome_at",
            sqlite_where=_HAS_OUTCOME,
            postgresql_where=_HAS_OUTCOME,
        ),
        CheckConstraint(f"due_at BETWEEN 0 AND {INSTANT_MAX}", name="message_due_in_bounds"),
    )

    campaign_id: str = Field(primary_key=True, foreign_key="campaign.id")
    position: int = Field(primary_key=True)
    id: str
    recipient: str
    text: str = Field(sa_type=Text)
    compliance_text: str | None = Field(default=None, sa_type=Text)
    media_url: str | None = Field(default=None, sa_type=Text)
    sender: str
    kind: str
    segments: int
    status: str
    reason: str | None = None
    attempts: int = 0
    due_at: int = Field(sa_type=BigInteger)
    scheduled_at: int | None = Field(default=None, sa_type=BigInteger)
    key: str | None = None
    reference: str | None = None
    list_id: str | None = None
    country: str | None = None
    line_type: str | None = None
    network: str | None = None
    claimed_by: str | None = None
    claimed_until: int | None = Field(default=None, sa_type=BigInteger)
    carrier_id: str | None = None
    error: str | None = None
    duplicate_of: str | None = None
    was_unknown: bool = False
    sent_at: int | None = Field(default=None, sa_type=BigInteger)
    final_at: int | None = Field(default=None, sa_type=BigInteger)
    callback_url: str | None = Field(default=None, sa_type=Text)
    callback_method: str | None = None
    time_zone: str | None = None
    outcome_at: int | None = Field(default=None, sa_type=BigInteger)
    credits_sms: int | None = None
    credits_mms: int | None = None
    carrier: str | None = None
    fields: str | None = Field(default=None, sa_type=Text)
    own_text: bool | None = None
    next_text: str | None = Field(default=None, sa_type=Text)


class AttemptRow(SQLModel, table=True):
    """One try of one message, committed before its request is sent; ``number`` counts from 1.

    ``text`` is what was sent, where the message has another text since.
    """

    __tablename__ = "attempt"

    campaign_id: str = Field(primary_key=True, foreign_key="campaign.id")
    position: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    started_at: int = Field(sa_type=BigInteger)
    ended_at: int | None = Field(default=None, sa_type=BigInteger)
    outcome: str | None = None
    code: str | None = None
    carrier: str | None = None
    text: str | None = Field(default=None, sa_type=Text)
