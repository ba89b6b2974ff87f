"""Campaigns in files: JSON and CSV read, reports written."""

import csv
import sys
from pathlib import Path
from typing import Any

from dialects.native import responses as presenting
from starter.cli.context import (
    CommandError,
)
from store.store import Store

CSV_MEMBERS = {
    "to",
    "text",
    "mediaUrl",
    "sender",
    "scheduleDateTime",
    "idempotencyKey",
    "reference",
}


def read_json(file: Path) -> Any:
    """Read a JSON file; raises CommandError with what is wrong."""
    from dialects.http.bodies import BadBody, parse_json

    try:
        return parse_json(file.read_bytes())
    except BadBody as bad:
        raise CommandError(f"{file}: {bad.reason}") from None


def read_csv(file: Path) -> dict[str, Any]:
    """Read a CSV file as the body of POST /v1/campaigns; raises CommandError with what is wrong."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines, strict=True)
            columns = list(reader.fieldnames or [])
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{file}: not CSV in UTF-8: {error}") from None
    if "to" not in columns:
        raise CommandError(f"{file}: the first line must name the columns, among them 'to'")
    if len(set(columns)) < len(columns):
        raise CommandError(f"{file}: two columns have the same name")
    recipients = []
    for number, row in enumerate(rows, 1):
        if None in row:
            raise CommandError(f"{file}: row {number} has more cells than the header has columns")
        recipient: dict[str, Any] = {
            name: value for name, value in row.items() if name in CSV_MEMBERS and value
        }
        fields = {name: value or "" for name, value in row.items() if name not in CSV_MEMBERS}
        recipients.append({**recipient, "fields": fields})
    return {"name": file.stem, "recipients": recipients}


def write_csv(store: Store, campaign_id: str, file: Path) -> None:
    """Write a line per message of a campaign, in pages."""
    after = None
    with file.open("w", newline="", encoding="utf-8") as lines:
        while True:
            found = store.campaigns.messages(campaign_id, after=after, limit=1_000)
            lines.write(presenting.messages_csv(found, header=after is None))
            if len(found) < 1_000:
                break
            after = found[-1].position
    sys.stderr.write(f"wrote {file}\n")
