"""Campaigns that a workflow must run for, and what is written of one that has none."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BindParameter, bindparam, text

from campaign.instants import Instant
from campaign.states import CAMPAIGN_OPEN, WAITING
from store.database.engine import Database
from store.shared.brakes import NEXT_NUMBER, STOPPED

# The problem of an open campaign that no workflow runs for.
WORKFLOW_LOST = "workflow_lost"

_STATES: BindParameter[str] = bindparam(
    "open", [state.value for state in CAMPAIGN_OPEN], expanding=True
)
_PAGE = text("""
    SELECT id, problem FROM campaign
    WHERE status IN :open AND id > :after ORDER BY id LIMIT :limit
""").bindparams(_STATES)
_WAITING = text("""
    SELECT count(DISTINCT campaign.id) AS campaigns, count(*) AS messages
    FROM campaign JOIN message ON message.campaign_id = campaign.id
    WHERE campaign.account_id = :account AND campaign.status IN :open
        AND message.status IN :waiting
""").bindparams(_STATES, bindparam("waiting", [state.value for state in WAITING], expanding=True))
_DUE = text("""
    SELECT campaign.id, campaign.name, min(message.due_at) AS since, count(*) AS messages
    FROM campaign JOIN message ON message.campaign_id = campaign.id
    WHERE campaign.account_id = :account AND campaign.status = 'running'
        AND message.status IN ('queued', 'retryable') AND message.due_at < :now
    GROUP BY campaign.id, campaign.name
    ORDER BY since, campaign.id
    LIMIT :limit
""")
_UNKNOWN = text("""
    SELECT campaign.id, campaign.name, sum(message_count.messages) AS messages
    FROM campaign JOIN message_count ON message_count.campaign_id = campaign.id
    WHERE campaign.account_id = :account AND message_count.status = 'unknown'
    GROUP BY campaign.id, campaign.name, campaign.created_at
    HAVING sum(message_count.messages) > 0
    ORDER BY campaign.created_at DESC, campaign.id
    LIMIT :limit
""")
_HALTED = text("""
    SELECT id FROM campaign
    WHERE account_id = :account AND status = 'paused' AND problem <> :stopped
    ORDER BY paused_at, id
    LIMIT :limit
""")
# An order that is still to be carried out stays, and is the first thing that the new run gets; but
# not the resume of a campaign that was not paused (see store.campaigns.restores).
_HOLDS = "COALESCE(ordered = 'cancel' OR (ordered = 'resume' AND status = 'paused'), FALSE)"
_PAUSE_LOST = text(f"""
    UPDATE campaign SET
        status = 'paused',
        paused_at = COALESCE(paused_at, :now),
        paused_by = CASE
            WHEN status = 'paused' THEN COALESCE(paused_by, 'system') ELSE 'system' END,
        problem = :problem,
        ordered_at = CASE WHEN ordered = 'pause' OR {_HOLDS} THEN ordered_at ELSE {NEXT_NUMBER} END,
        ordered = CASE WHEN {_HOLDS} THEN ordered ELSE 'pause' END
    WHERE id = :campaign AND status IN :open
""").bindparams(_STATES)


@dataclass(frozen=True, slots=True)
class OpenCampaign:
    """A campaign that is scheduled, running or paused, and its problem if it has one."""

    id: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many messages of an account have yet to leave, and of how many campaigns."""

    campaigns: int
    messages: int


@dataclass(frozen=True, slots=True)
class DueCampaign:
    """A running campaign with messages that are due and have not left, the oldest ``since``."""

    id: str
    name: str | None
    since: Instant
    messages: int


@dataclass(frozen=True, slots=True)
class UnknownMessages:
    """A campaign, open or ended, with messages in state ``unknown``."""

    id: str
    name: str | None
    messages: int


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

    def waiting(self, account_id: str) -> Waiting:
        """Count what a stop of an account would hold back now."""
        values = {"account": account_id}
        return self._database.read(
            lambda connection: Waiting(*connection.execute(_WAITING, values).one())
        )

    def due(self, account_id: str, now: Instant, limit: int) -> Sequence[DueCampaign]:
        """The running campaigns of an account with messages that are due, the oldest first."""
        values = {"account": account_id, "now": now, "limit": limit}
        return self._database.read(
            lambda connection: [DueCampaign(*row) for row in connection.execute(_DUE, values)]
        )

    def unknown(self, account_id: str, limit: int) -> Sequence[UnknownMessages]:
        """An account's campaigns with messages in state ``unknown``, the newest first."""
        values = {"account": account_id, "limit": limit}
        return self._database.read(
            lambda connection: [
                UnknownMessages(row.id, row.name, int(row.messages))
                for row in connection.execute(_UNKNOWN, values)
            ]
        )

    def halted(self, account_id: str, limit: int) -> Sequence[str]:
        """Ids of an account's campaigns that Godwit has paused, the oldest pause first.

        They wait for a person. A stop, which ends by itself for every campaign, is left out.
        """
        values = {"account": account_id, "limit": limit, "stopped": STOPPED}
        return self._database.read(
            lambda connection: list(connection.execute(_HALTED, values).scalars())
        )

    def pause_lost(self, campaign_id: str, now: Instant) -> bool:
        """Write that an open campaign whose workflow is gone is paused, and why.

        It is paused by the system, unless a person had paused it. An earlier ``paused_at`` stays.
        Returns False, and changes nothing, when the campaign has ended or is a draft.
        """
        values = {"campaign": campaign_id, "now": now, "problem": WORKFLOW_LOST}
        return self._database.write(
            lambda connection: bool(connection.execute(_PAUSE_LOST, values).rowcount)
        )
