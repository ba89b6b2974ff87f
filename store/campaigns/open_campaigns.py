"""Campaigns that a workflow must run for, and what is written of one that has none."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BindParameter, bindparam, text

from campaign.instants import Instant
from campaign.states import CAMPAIGN_OPEN
from store.database.engine import Database

# The problem of an open campaign that no workflow runs for.
WORKFLOW_LOST = "workflow_lost"

_STATES: BindParameter[str] = bindparam(
    "open", [state.value for state in CAMPAIGN_OPEN], expanding=True
)
_PAGE = text("""
    SELECT id, problem FROM campaign
    WHERE status IN :open AND id > :after ORDER BY id LIMIT :limit
""").bindparams(_STATES)
_PAUSE_LOST = text("""
    UPDATE campaign
    SET status = 'paused', paused_at = COALESCE(paused_at, :now), paused_by = :by,
        problem = :problem
    WHERE id = :campaign AND status IN :open
""").bindparams(_STATES)
# Every message costs SMS credits, so their holds count the admission and each retry.
_RETRIED_AT = text("""
    SELECT max(ledger_entry.at) AS at
    FROM campaign JOIN ledger_entry ON ledger_entry.campaign_id = campaign.id
    WHERE campaign.id = :campaign AND campaign.status = 'running'
      AND ledger_entry.movement = 'hold' AND ledger_entry.kind = 'sms'
    HAVING count(*) > 1
""")


@dataclass(frozen=True, slots=True)
class OpenCampaign:
    """A campaign that is scheduled, running or paused, and its problem if it has one."""

    id: str
    problem: str | None


class OpenCampaigns:
    """The scheduled, running and paused campaigns; every public method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, after: str, limit: int) -> Sequence[OpenCampaign]:
        """Scheduled, running and paused campaigns of every account, by id from ``after`` on.

        Without counts, because those of many campaigns take long.
        """
        values = {"after": after, "limit": limit}
        return self._database.read(
            lambda connection: [
                OpenCampaign(row.id, row.problem) for row in connection.execute(_PAGE, values)
            ]
        )

    def retried_at(self, campaign_id: str) -> Instant | None:
        """When a running campaign was retried last; None where it was not, or is not running."""
        row = self._database.read(
            lambda connection: connection.execute(_RETRIED_AT, {"campaign": campaign_id}).first()
        )
        return None if row is None else int(row.at)

    def pause_lost(self, campaign_id: str, now: Instant, by: str = "system") -> bool:
        """Write that an open campaign whose workflow is gone is paused, and why.

        ``by`` is "system", or "person" when somebody ordered the pause. An earlier ``paused_at``
        stays. Returns False, and changes nothing, when the campaign has ended or is a draft.
        """
        values = {"campaign": campaign_id, "now": now, "by": by, "problem": WORKFLOW_LOST}
        return self._database.write(
            lambda connection: bool(connection.execute(_PAUSE_LOST, values).rowcount)
        )
