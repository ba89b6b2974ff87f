"""Clicks as rows, and their counts, for several parts of the store."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from campaign.views import ClickCounts, ClickView

CLICKS = """
    SELECT k.id, k.code, k.message_id, l.url, k.at, k.preview
    FROM link_click k JOIN link l ON l.code = k.code
"""
_CLICK = text(f"{CLICKS} WHERE k.id = :click AND l.url <> ''")
_COUNTS = text("""
    SELECT campaign_id, sum(total) AS total, sum(people) AS people, sum(previews) AS previews
    FROM (
        SELECT campaign_id,
            sum(CASE WHEN preview THEN 0 ELSE 1 END) AS total,
            count(DISTINCT CASE WHEN preview THEN NULL ELSE message_id END) AS people,
            sum(CASE WHEN preview THEN 1 ELSE 0 END) AS previews
        FROM link_click WHERE campaign_id IN :campaigns GROUP BY campaign_id
        UNION ALL
        SELECT campaign_id, total, people, previews
        FROM removed_click WHERE campaign_id IN :campaigns
    ) AS kept_and_removed
    GROUP BY campaign_id
""").bindparams(bindparam("campaigns", expanding=True))


def click_counts(connection: Connection, campaign_ids: Iterable[str]) -> Mapping[str, ClickCounts]:
    """Count the visits of each of the campaigns, in one statement."""
    counts = {campaign_id: ClickCounts() for campaign_id in campaign_ids}
    if counts:
        for row in connection.execute(_COUNTS, {"campaigns": list(counts)}):
            counts[row.campaign_id] = ClickCounts(
                int(row.total), int(row.people), int(row.previews)
            )
    return counts


def read_click(connection: Connection, id: str) -> ClickView | None:
    """Return one visit, None if there is none or its link was erased."""
    row = connection.execute(_CLICK, {"click": id}).first()
    return None if row is None else click_view(row)


def click_view(row: Row[Any]) -> ClickView:
    """Make a view of a row of ``CLICKS``."""
    return ClickView(row.id, row.code, row.message_id, row.url, row.at, bool(row.preview))
