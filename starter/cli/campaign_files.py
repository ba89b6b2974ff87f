"""Reports of campaigns, written to files."""

import sys
from pathlib import Path

from dialects.native import responses as presenting
from store.store import Store


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
