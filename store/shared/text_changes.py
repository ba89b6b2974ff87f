"""The changes of single messages that an edit of a campaign's text makes, now or later."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from campaign.credits import PRICES, MessageKind, Price
from campaign.instants import Instant
from campaign.model import ComposedCampaign, Message
from store.database.engine import Database, json_rows
from store.shared.prices import price_values

# What of a message an edit changes, with its place; ``links`` are pairs of code and target.
Change = Mapping[str, Any]
Links = Mapping[str, Sequence[tuple[str, str]]]


def links_of(composed: ComposedCampaign) -> Links:
    """The short links of each message, by its id."""
    links: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for link in composed.links:
        links[link.message_id].append((link.code, link.url))
    return links


def change_of(position: int, message: Message, links: Links) -> Change:
    """The change that gives a message its new text, with the links in it."""
    return {
        "position": position,
        "message_id": message.id,
        "text": message.text,
        "compliance_text": message.compliance_text,
        "segments": message.segments,
        **price_values(message.own_price),
        "reason": message.reason,
        "links": links.get(message.id, ()),
    }


def kept_price(row: Row[Any]) -> Price:
    """The price of the change that is kept for a message, of which ``row`` has the kind."""
    change = json.loads(row.next_text)
    if change["credits_sms"] is None:
        return PRICES[MessageKind(row.kind)]
    return Price(change["credits_sms"], change["credits_mms"])


def rows_of(campaign_id: str, changes: Iterable[Change]) -> str:
    """Changes as the rows of one statement."""
    return json_rows(
        [
            {
                "campaign_id": campaign_id,
                "position": change["position"],
                "text": change["text"],
                "compliance_text": change["compliance_text"],
                "segments": change["segments"],
                "credits_sms": change["credits_sms"],
                "credits_mms": change["credits_mms"],
                "reason": change["reason"],
            }
            for change in changes
        ]
    )


class TextChanges:
    """Writes changes inside the caller's transaction, which has locked their messages."""

    def __init__(self, database: Database) -> None:
        places = "campaign_id TEXT, position BIGINT"
        changes = database.rowset(
            f"{places}, text TEXT, compliance_text TEXT, segments BIGINT, reason TEXT, "
            "credits_sms BIGINT, credits_mms BIGINT"
        )
        # See campaign.views.AttemptView.
        self._keep_sent = text(f"""
            UPDATE attempt SET text = m.text
            FROM {database.rowset(places)}
            JOIN message m ON m.campaign_id = r.campaign_id AND m.position = r.position
            WHERE attempt.campaign_id = r.campaign_id AND attempt.position = r.position
                AND attempt.text IS NULL
        """)
        # COALESCE keeps PostgreSQL off the queue index, which would take minutes.
        self._write = text(f"""
            UPDATE message SET
                text = r.text,
                compliance_text = r.compliance_text,
                segments = r.segments,
                credits_sms = r.credits_sms,
                credits_mms = r.credits_mms,
                reason = CASE
                    WHEN COALESCE(message.reason, 'fields_missing') = 'fields_missing' THEN r.reason
                    ELSE message.reason END,
                next_text = NULL
            FROM {changes}
            WHERE message.campaign_id = r.campaign_id AND message.position = r.position
                AND COALESCE(message.status, '') IN ('queued', 'retryable')
                AND NOT message.was_unknown AND message.recipient <> 'erased'
        """)
        self._remove_links = text(f"""
            DELETE FROM link WHERE clicks = 0 AND previews = 0
                AND message_id IN (SELECT r.message_id FROM {database.rowset("message_id TEXT")})
        """)
        self._add_links = text(f"""
            INSERT INTO link (code, campaign_id, message_id, url, clicks, created_at)
            SELECT r.code, CAST(:campaign AS VARCHAR), r.message_id, r.url, 0, CAST(:now AS BIGINT)
            FROM {database.rowset("code TEXT, message_id TEXT, url TEXT")}
        """)
        self._keep = text(f"""
            UPDATE message SET next_text = r.change
            FROM {database.rowset(f"{places}, change TEXT")}
            WHERE message.campaign_id = r.campaign_id AND message.position = r.position
        """)
        self._kept = text(f"""
            SELECT message.next_text FROM message JOIN {database.rowset(places)}
                ON message.campaign_id = r.campaign_id AND message.position = r.position
            WHERE message.next_text IS NOT NULL AND message.status IN ('queued', 'retryable')
                AND NOT message.was_unknown
        """)

    def write(self, connection: Connection, rows: str) -> int:
        """Give those of ``rows_of`` that wait their new texts; returns how many.

        Their earlier attempts keep the old ones.
        """
        connection.execute(self._keep_sent, {"rows": rows})
        return connection.execute(self._write, {"rows": rows}).rowcount

    def relink(
        self, connection: Connection, campaign_id: str, changes: Sequence[Change], now: Instant
    ) -> None:
        """Replace the short links of messages by those in their new texts."""
        messages = [{"message_id": change["message_id"]} for change in changes]
        connection.execute(self._remove_links, {"rows": json_rows(messages)})
        links = [
            {"code": code, "message_id": change["message_id"], "url": url}
            for change in changes
            for code, url in change["links"]
        ]
        if links:
            values = {"rows": json_rows(links), "campaign": campaign_id, "now": now}
            connection.execute(self._add_links, values)

    def keep(self, connection: Connection, campaign_id: str, changes: Sequence[Change]) -> None:
        """Keep changes for messages that are being sent; a later one replaces an earlier one."""
        rows = json_rows(
            [
                {
                    "campaign_id": campaign_id,
                    "position": change["position"],
                    "change": json.dumps(change),
                }
                for change in changes
            ]
        )
        connection.execute(self._keep, {"rows": rows})

    def write_kept(
        self, connection: Connection, campaign_id: str, positions: Iterable[int], now: Instant
    ) -> None:
        """Give those of the messages that wait again the change that was kept for them."""
        rows = [{"campaign_id": campaign_id, "position": position} for position in positions]
        if not rows:
            return
        found = connection.execute(self._kept, {"rows": json_rows(rows)}).scalars()
        changes = [json.loads(kept) for kept in found]
        if changes:
            self.write(connection, rows_of(campaign_id, changes))
            self.relink(connection, campaign_id, changes, now)
