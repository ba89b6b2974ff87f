"""What admission, planning and settlement ask of the database, as SQL."""

from sqlalchemy import String, bindparam, text

from store.shared.prices import PRICE_SUMS

# The smallest position of each value, so that a refusal can name a place.
_WAITING = "message.campaign_id = :campaign AND message.status IN ('queued', 'retryable')"
# COALESCE keeps SQLite off the queue index: a page is a range of the primary key.
WAITING_IN_PART = """message.campaign_id = :campaign
    AND message.position >= :low AND message.position < :high
    AND COALESCE(message.status, '') IN ('queued', 'retryable')"""
_FIRSTS = """
    SELECT {{column}} AS value, min(position) AS position FROM message
    WHERE {waiting} GROUP BY {{column}}
"""
# Senders that are the account's neither for good nor, towards the recipient, by a lease.
_FIRSTS_UNLEASED = """
    SELECT message.sender, min(message.position) AS position FROM message
    WHERE {waiting}
      AND message.sender NOT IN :owned
      AND NOT EXISTS (
        SELECT 1 FROM lease
        WHERE lease.number = message.sender AND lease.recipient = message.recipient
          AND lease.account_id = :account AND lease.expires_at > :now
      )
    GROUP BY message.sender
"""
_COUNT_WAITING = f"SELECT count(*) AS n, {PRICE_SUMS} FROM message WHERE {{waiting}}"
# The three statements of the evidence: firsts, firsts unleased, and what waits.
WHOLE, PART = (
    (
        _FIRSTS.format(waiting=waiting),
        text(_FIRSTS_UNLEASED.format(waiting=waiting)).bindparams(
            bindparam("owned", expanding=True, type_=String)
        ),
        text(_COUNT_WAITING.format(waiting=waiting)),
    )
    for waiting in (_WAITING, WAITING_IN_PART)
)
CAMPAIGN = text("""
    SELECT campaign.id, campaign.account_id, account.daily_quota, campaign.total,
        campaign.spread_hours, campaign.sandbox, campaign.credits_max_sms, campaign.credits_max_mms
    FROM campaign JOIN account ON account.id = campaign.account_id
    WHERE campaign.id = :campaign
""")
SENDERS = text("""
    SELECT address FROM sender WHERE account_id = :account AND active
""")
USED = text("""
    SELECT used FROM quota_day WHERE account_id = :account AND day = :day
""")
WAITING = WHOLE[2]
PRICE_OPEN = text(f"""
    SELECT {PRICE_SUMS} FROM message
    WHERE campaign_id = :campaign AND status IN ('queued', 'retryable', 'sending', 'unknown')
""")
SKIP_OPTED_OUT = text("""
    UPDATE message SET status = 'skipped', reason = 'opted_out', final_at = :now
    WHERE campaign_id = :campaign AND status IN ('queued', 'retryable') AND NOT was_unknown
      AND EXISTS (
        SELECT 1 FROM opt_out
        WHERE opt_out.account_id = :account AND opt_out.number = message.recipient
      )
""")
RECIPIENTS_WAITING = text("""
    SELECT DISTINCT recipient FROM message
    WHERE campaign_id = :campaign AND status IN ('queued', 'retryable') AND NOT was_unknown
""")
SKIP_ERASED = """
    UPDATE message SET status = 'skipped', reason = 'opted_out', final_at = :now
    WHERE campaign_id = :campaign AND status IN ('queued', 'retryable') AND NOT was_unknown
      AND recipient IN (SELECT r.recipient FROM {rowset})
"""
HELD = text("""
    SELECT 1 FROM hold WHERE campaign_id = :campaign LIMIT 1
""")
QUOTA = text("""
    SELECT daily_quota FROM account WHERE id = :account
""")
EXCLUDES = text("""
    SELECT account_id, exclude_opt_outs FROM campaign WHERE id = :campaign
""")
BEGIN_DAY = text("""
    INSERT INTO quota_day (account_id, day, used) VALUES (:account, :day, 0)
    ON CONFLICT (account_id, day) DO NOTHING
""")
COUNT_QUOTA = text("""
    UPDATE quota_day SET used = used + :count
    WHERE account_id = :account AND day = :day
      AND (CAST(:quota AS BIGINT) IS NULL OR used + :count <= :quota)
""")
# An attempt is written before its first byte leaves.
PLAN = text("""
    SELECT status, spread_hours, pauses_applied, paused_at, base_at,
       canary_end IS NOT NULL AS canary,
      (SELECT min(message.due_at) FROM message WHERE message.campaign_id = campaign.id
         AND message.status IN ('queued', 'retryable')) AS first_due,
      (SELECT max(message.due_at) FROM message WHERE message.campaign_id = campaign.id
         AND message.status IN ('queued', 'retryable')) AS last_due,
      (SELECT count(*) FROM message WHERE message.campaign_id = campaign.id
         AND message.status IN ('queued', 'retryable')) AS to_send,
      (SELECT count(*) FROM message WHERE message.campaign_id = campaign.id
         AND message.status = 'failed') AS failed,
      EXISTS (SELECT 1 FROM attempt WHERE attempt.campaign_id = campaign.id) AS sent_any
    FROM campaign WHERE campaign.id = :campaign
""")
# Each part is read from the queue index in its order: a sort of a million rows would take seconds.
_SOONEST = """
    SELECT * FROM (
        SELECT due_at AS leaves_at, position, FALSE AS is_sending FROM message
        WHERE campaign_id = :campaign AND status = '{status}' AND COALESCE(position, 0) < COALESCE(
            (SELECT canary_end FROM campaign WHERE id = :campaign), 2147483647)
        ORDER BY due_at LIMIT :limit
    ) AS {status}"""
WAITING_ROWS = text(f"""
    SELECT
      CASE WHEN leaves_at > campaign.expires_at AND NOT is_sending THEN campaign.expires_at
        ELSE leaves_at END AS due,
      position
    FROM (
      {_SOONEST.format(status="queued")}
      UNION ALL {_SOONEST.format(status="retryable")}
      UNION ALL
      SELECT claimed_until + 1 AS leaves_at, position, TRUE AS is_sending FROM message
      WHERE campaign_id = :campaign AND status = 'sending' AND COALESCE(position, 0) < COALESCE(
          (SELECT canary_end FROM campaign WHERE id = :campaign), 2147483647)
    ) AS waiting
    JOIN campaign ON campaign.id = :campaign
    ORDER BY due, position LIMIT :limit
""")
HAS_EXPIRED = text("""
    SELECT 1 FROM message WHERE campaign_id = :campaign AND status = 'skipped'
      AND reason = 'expired' LIMIT 1
""")
# The settlement of an earlier run may come late, after a retry has requeued messages.
SETTLE = text("""
    UPDATE campaign
    SET status = :status, finished_at = :now, paused_at = NULL, paused_by = NULL, problem = NULL,
      ordered = NULL
    WHERE id = :campaign AND status NOT IN :ends AND NOT EXISTS (
      SELECT 1 FROM message
      WHERE campaign_id = :campaign AND status IN ('queued', 'retryable', 'sending')
    )
""").bindparams(bindparam("ends", expanding=True))
LAST_SENT = text("""
    SELECT max(sent_at) AS sent_at,
      max(CASE WHEN status = 'unknown' THEN 1 ELSE 0 END) AS has_unknown
    FROM message WHERE campaign_id = :campaign
""")
DATE_KEY = text("""
    UPDATE campaign_key SET free_at = :free_at WHERE campaign_id = :campaign
""")
FREE_KEY = text("""
    DELETE FROM campaign_key WHERE campaign_id = :campaign
""")
