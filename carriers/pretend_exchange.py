"""The memory of the pretend carrier's server, and the receipts that it posts."""

import asyncio
import contextlib
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from campaign.failures import CarrierFailure
from campaign.handoffs import Repeats
from campaign.instants import iso
from carriers.callbacks import now
from carriers.client import CarrierClient

RECEIPT_CONNECTIONS = 8
RECEIPT_TRIES = 8
RECEIPT_SECONDS = 10.0


class Exchange:
    """The accepted sends in order, and the ids of each reference, optionally kept in a file."""

    def __init__(self, repeats: Repeats, log: Path | None) -> None:
        self.repeats = repeats
        self.log: list[dict[str, Any]] = []
        self.by_reference: dict[str, list[str]] = defaultdict(list)
        self.put_off: set[str] = set()
        self._file = None
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            self._reload(log)
            self._file = log.open("a", encoding="utf-8")

    def accept(self, message: dict[str, Any]) -> str:
        """Record a message and return its id; the row is written to the file when this returns."""
        number = len(self.log) + 1
        row = {
            "n": number,
            "reference": message["reference"],
            "from": message["from"],
            "to": message["to"],
            "at": iso(now()),
        }
        self.log.append(row)
        self.by_reference[message["reference"]].append(f"pretend-{number}")
        if self._file is not None:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()
        return f"pretend-{number}"

    def _reload(self, log: Path) -> None:
        if not log.exists():
            return
        whole = log.read_text("utf-8")
        kept = whole[: whole.rfind("\n") + 1]
        if kept != whole:
            log.write_text(kept, "utf-8")  # A truncated line was never answered.
        for line in kept.splitlines():
            row = json.loads(line)
            self.log.append(row)
            self.by_reference[row["reference"]].append(f"pretend-{row['n']}")


class Receipts:
    """Posts receipts and texts to us in the background, with retries, over a few connections."""

    def __init__(self, url: str | None, delay_seconds: float) -> None:
        self.url = url
        self._delay_seconds = delay_seconds
        self._queue: asyncio.Queue[tuple[float, str, dict[str, Any]]] = asyncio.Queue()

    def report(self, carrier_id: str, reference: str, delivered: bool) -> None:
        """Queue the receipt of an accepted message."""
        status = "delivered" if delivered else "undelivered"
        if self.url is not None:
            body = {"id": carrier_id, "reference": reference, "status": status}
            due = time.monotonic() + self._delay_seconds
            self._queue.put_nowait((due, self.url.rpartition("/")[2], body))

    def bring(self, body: dict[str, Any]) -> bool:
        """Queue an incoming text; False if there is no receipts URL."""
        if self.url is None:
            return False
        text = {name: body[name] for name in ("from", "to", "body")}
        self._queue.put_nowait((0.0, "inbound", text))
        return True

    async def run(self) -> None:
        """Post until cancelled."""
        base_url = "" if self.url is None else self.url.rpartition("/")[0]
        client = CarrierClient(
            base_url, RECEIPT_SECONDS, RECEIPT_CONNECTIONS, sort=lambda answer: None
        )
        try:
            async with asyncio.TaskGroup() as posters:
                for _ in range(RECEIPT_CONNECTIONS):
                    posters.create_task(self._post_all(client))
        finally:
            await client.close()

    async def _post_all(self, client: CarrierClient) -> None:
        while True:
            due, name, body = await self._queue.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            body["at"] = iso(now())
            for tries in range(RECEIPT_TRIES):
                with contextlib.suppress(CarrierFailure):
                    status, _ = await client.ask("POST", f"/{name}", body)
                    if status < 500:
                        break
                await asyncio.sleep(0.2 * 2**tries)
