"""Who left a mailing list between the admission of a campaign and the claim of a message."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, text

from store.sending.rows import DueMessage

_ON_THE_LIST = (
    "EXISTS (SELECT 1 FROM list_member l WHERE l.list_id = m.list_id AND l.number = m.recipient)"
)
_LEFT = text(
    "SELECT m.position, m.recipient FROM message m WHERE m.campaign_id = :campaign "
    f"AND m.position IN :positions AND m.list_id IS NOT NULL AND NOT {_ON_THE_LIST}"
).bindparams(bindparam("positions", expanding=True))
# The same number may have come by another way too, and that message was skipped for this one.
_STILL_MEANT = text(
    "SELECT DISTINCT m.recipient FROM message m WHERE m.campaign_id = :campaign "
    "AND m.recipient IN :numbers AND COALESCE(m.status, '') = 'skipped' "
    f"AND m.reason = 'duplicate' AND (m.list_id IS NULL OR {_ON_THE_LIST})"
).bindparams(bindparam("numbers", expanding=True))


def left_since(connection: Connection, campaign_id: str, found: Sequence[DueMessage]) -> set[int]:
    """The positions, of these candidates, whose recipient is no longer on the list.

    Somebody who is on another list of the campaign, or was named alone, stays.
    """
    positions = [row.position for row in found if row.list_id is not None]
    if not positions:
        return set()
    values = {"campaign": campaign_id, "positions": positions}
    left = {row.position: row.recipient for row in connection.execute(_LEFT, values)}
    if not left:
        return set()
    values = {"campaign": campaign_id, "numbers": list(left.values())}
    still_meant = set(connection.execute(_STILL_MEANT, values).scalars())
    return {position for position, number in left.items() if number not in still_meant}
