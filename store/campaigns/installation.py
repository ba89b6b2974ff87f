"""What is monitored of the whole installation: counts and ages, never who they belong to."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import BindParameter, Connection, bindparam, text

from campaign.deliveries import DeliveryStatus
from campaign.instants import Instant
from campaign.states import CAMPAIGN_OPEN, CampaignStatus, MessageStatus
from store.campaigns.open_campaigns import WORKFLOW_LOST
from store.database.engine import Database

# So many are looked at; a larger number stays at this one.
CAMPAIGNS_MAX = 5_000
MESSAGES_MAX = 1_000_000
WEBHOOKS_MAX = 100_000

UNENDED = (
    MessageStatus.QUEUED,
    MessageStatus.RETRYABLE,
    MessageStatus.SENDING,
    MessageStatus.UNKNOWN,
)

_OPEN: BindParameter[str] = bindparam(
    "open", [state.value for state in CAMPAIGN_OPEN], expanding=True
)


def _first_due(status: str) -> str:
    return (
        f"(SELECT min(due_at) FROM message WHERE campaign_id = running.id AND status = '{status}')"
    )


# Two look-ups in an index for each campaign.
_OLDEST_DUE = text(f"""
    SELECT min({_first_due("queued")}) AS queued, min({_first_due("retryable")}) AS retryable
    FROM (SELECT id FROM campaign WHERE status = 'running' LIMIT {CAMPAIGNS_MAX}) running
""")
_PROBLEMS = text("""
    SELECT problem, count(*) AS campaigns FROM campaign
    WHERE status IN :open AND problem IS NOT NULL GROUP BY problem
""").bindparams(_OPEN)
_CAMPAIGNS = text("SELECT status, count(*) AS campaigns FROM campaign GROUP BY status")
_MESSAGES = text(f"""
    SELECT status, count(*) AS messages FROM (
        SELECT message.status FROM campaign
        JOIN message ON message.campaign_id = campaign.id
        WHERE campaign.status IN :open AND message.status IN :unended
        LIMIT {MESSAGES_MAX}
    ) counted GROUP BY status
""").bindparams(_OPEN, bindparam("unended", [each.value for each in UNENDED], expanding=True))
# The audit compares the balances with every entry as well; this one can run each minute.
_DRIFT = text("""
    SELECT credit.kind, sum(
        abs(credit.granted - credit.available - credit.held - credit.posted)
        + abs(credit.held - COALESCE(due.held, 0)) + abs(credit.posted - COALESCE(due.posted, 0))
    ) AS credits
    FROM credit LEFT JOIN (
        SELECT account_id, kind, sum(amount - posted - voided) AS held, sum(posted) AS posted
        FROM hold GROUP BY account_id, kind
    ) due ON due.account_id = credit.account_id AND due.kind = credit.kind
    GROUP BY credit.kind
""")
_WEBHOOKS = text(f"""
    SELECT status, count(*) AS deliveries FROM (
        SELECT status FROM callback
        WHERE status = :status AND COALESCE(last_code, '') <> 'overtaken' LIMIT {WEBHOOKS_MAX}
    ) counted GROUP BY status
""")


@dataclass(frozen=True, slots=True)
class Urgent:
    """What is watched closely: ``oldest_due_at`` is None while nothing waits.

    ``lost`` and ``held`` are open campaigns without a workflow, and with another problem.
    """

    oldest_due_at: Instant | None
    lost: int
    held: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts by status, and by kind the credits by which balances and holds differ."""

    campaigns: Mapping[str, int]
    messages: Mapping[str, int]
    webhooks: Mapping[str, int]
    drift: Mapping[str, int]


class Installation:
    """Reads what is monitored; every method is one read transaction of bounded cost."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def urgent(self) -> Urgent:
        """Read what an operator must know within a minute: two look-ups for each campaign."""

        def work(connection: Connection) -> Urgent:
            oldest = connection.execute(_OLDEST_DUE).one()
            problems = {row.problem: row.campaigns for row in connection.execute(_PROBLEMS)}
            lost = problems.pop(WORKFLOW_LOST, 0)
            dues = [due for due in oldest if due is not None]
            return Urgent(min(dues, default=None), lost, sum(problems.values()))

        return self._database.read(work)

    def totals(self) -> Totals:
        """Count; a million messages that wait take about a tenth of a second."""

        def work(connection: Connection) -> Totals:
            campaigns = dict.fromkeys(CampaignStatus, 0) | {
                row.status: row.campaigns for row in connection.execute(_CAMPAIGNS)
            }
            messages = dict.fromkeys(UNENDED, 0) | {
                row.status: row.messages for row in connection.execute(_MESSAGES)
            }
            webhooks = {
                status.value: sum(
                    row.deliveries for row in connection.execute(_WEBHOOKS, {"status": status})
                )
                for status in (DeliveryStatus.WAITING, DeliveryStatus.DEAD)
            }
            return Totals(campaigns, messages, webhooks, _drift(connection))

        return self._database.read(work)

    def drift(self) -> Mapping[str, int]:
        """By kind, the credits by which balances and holds differ, of all accounts."""
        return self._database.read(_drift)


def _drift(connection: Connection) -> Mapping[str, int]:
    return {row.kind: int(row.credits) for row in connection.execute(_DRIFT)}
