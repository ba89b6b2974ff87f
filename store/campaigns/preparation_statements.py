"""What preparing a large campaign asks of the database, as SQL."""

from sqlalchemy import text

from store.campaigns.admission_statements import WAITING_IN_PART

GET = text("""
    SELECT campaign.account_id, campaign.created_at, campaign.expected_total, campaign.total,
        campaign.ordered, preparation.draft, preparation.entry, preparation.after_number,
        preparation.validated, preparation.to_send, preparation.credits_sms, preparation.credits_mms
    FROM preparation JOIN campaign ON campaign.id = preparation.campaign_id
    WHERE preparation.campaign_id = :campaign AND campaign.status = 'preparing'
""")
# A page is written where the last one ended, and by one worker.
COUNT_PAGE = text("""
    UPDATE campaign SET total = total + :count
    WHERE id = :campaign AND status = 'preparing' AND total = :low
""")
MOVE_CURSOR = text("""
    UPDATE preparation SET entry = :entry, after_number = :number
    WHERE campaign_id = :campaign
""")
# By the recipient's index: the pages before this one may be many.
SKIP_REPEATS = text(f"""
    UPDATE message SET status = 'skipped', reason = 'duplicate', final_at = :now
    WHERE {WAITING_IN_PART} AND EXISTS (
        SELECT 1 FROM message AS earlier
        WHERE earlier.recipient = message.recipient
          AND COALESCE(earlier.campaign_id, '') = message.campaign_id
          AND earlier.position < :low AND earlier.status <> 'failed'
      )
""")
SKIP_OPTED_OUT = text(f"""
    UPDATE message SET status = 'skipped', reason = 'opted_out', final_at = :now
    WHERE {WAITING_IN_PART} AND EXISTS (
        SELECT 1 FROM opt_out
        WHERE opt_out.account_id = :account AND opt_out.number = message.recipient
      )
""")
RECIPIENTS_WAITING = text(f"""
    SELECT DISTINCT recipient FROM message WHERE {WAITING_IN_PART}
""")
SKIP_ERASED = f"""
    UPDATE message SET status = 'skipped', reason = 'opted_out', final_at = :now
    WHERE {WAITING_IN_PART} AND recipient IN (SELECT r.recipient FROM {{rowset}})
"""
AVAILABLE = text("""
    SELECT credit.kind, credit.available, campaign.sandbox
    FROM campaign JOIN credit ON credit.account_id = campaign.account_id
    WHERE campaign.id = :campaign ORDER BY credit.kind DESC
""")
SET_VALIDATED = text("""
    UPDATE preparation
    SET validated = :validated, to_send = :to_send, credits_sms = :sms, credits_mms = :mms
    WHERE campaign_id = :campaign AND validated = :validated_before
""")
# Nothing of a campaign leaves whose price is not held.
FINISH = text("""
    UPDATE campaign SET
        status = CASE WHEN ordered = 'pause' THEN 'paused' ELSE 'scheduled' END,
        paused_at = CASE WHEN ordered = 'pause' THEN CAST(:now AS BIGINT) END,
        paused_by = CASE WHEN ordered = 'pause' THEN 'person' END,
        ordered = CASE WHEN ordered = 'pause' THEN ordered END
    WHERE id = :campaign AND status = 'preparing' AND COALESCE(ordered, '') <> 'cancel'
      AND EXISTS (SELECT 1 FROM hold WHERE hold.campaign_id = campaign.id)
""")
GIVE_UP = text("""
    DELETE FROM preparation WHERE campaign_id = :campaign
""")
