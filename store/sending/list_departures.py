"""Recipients who left a mailing list between the admission of a campaign and the claim."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, text

from store.sending.rows import DueMessage

_LEFT = text("""
    SELECT m.position, m.recipient FROM message m
    WHERE m.campaign_id = :campaign AND m.position IN :positions AND m.list_id IS NOT NULL
        AND NOT EXISTS (
            SELECT 1 FROM list_member l
            WHERE l.list_id = m.list_id AND l.number = m.recipient
        )
""").bindparams(bindparam("positions", expanding=True))
# The same number may have been in the request once more, and was skipped as a duplicate of this.
_STILL_WANTED = text("""
    SELECT DISTINCT m.recipient FROM message m
    WHERE m.campaign_id = :campaign AND m.recipient IN :numbers
        AND COALESCE(m.status, '') = 'skipped' AND m.reason = 'duplicate'
        AND (m.list_id IS NULL OR EXISTS (
            SELECT 1 FROM list_member l
            WHERE l.list_id = m.list_id AND l.number = m.recipient
        ))
""").bindparams(bindparam("numbers", expanding=True))


def left_since(connection: Connection, campaign_id: str, found: Sequence[DueMessage]) -> set[int]:
    """Return the positions of those messages whose recipient is no longer on their list.

    A recipient who is on another list of the campaign, or was named alone, stays.
    """
    positions = [row.position for row in found if row.list_id is not None]
    if not positions:
        return set()
    values = {"campaign": campaign_id, "positions": positions}
    left = {row.position: row.recipient for row in connection.execute(_LEFT, values)}
    if not left:
        return set()
    values = {"campaign": campaign_id, "numbers": list(left.values())}
    still_wanted = set(connection.execute(_STILL_WANTED, values).scalars())
    return {position for position, number in left.items() if number not in still_wanted}
