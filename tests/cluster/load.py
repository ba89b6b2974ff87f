"""Campaigns of one size for measurements: posted, waited for, and how late their messages were."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from bench.work import SENDER, number_of, text_of
from campaign.states import CAMPAIGN_ENDS
from tests.cluster.system import Cluster

AT_ONCE = 4
PATIENCE_SECONDS = 300.0
AGAIN_SECONDS = 0.5
LOOK_SECONDS = 0.5
_LEFT = """
SELECT (SELECT count(*) FROM campaign WHERE id = ANY(%(ids)s) AND status <> ALL(%(ends)s))
    + (SELECT count(*) FROM message WHERE campaign_id = ANY(%(ids)s) AND status = 'sent')
"""
_ENDS = [status.value for status in CAMPAIGN_ENDS]
_SENT = """
SELECT campaign_id, due_at, sent_at, status = 'delivered' FROM message WHERE campaign_id = ANY(%s)
"""


@dataclass(frozen=True)
class Posted:
    """An accepted campaign: when it was to start, if it was not at once, and its POST's seconds."""

    id: str
    start: float | None
    asked_at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Sent:
    """A message: its campaign, and in seconds since 1970 when it was due and accepted."""

    campaign: str
    due: float
    sent: float
    is_delivered: bool


@dataclass
class Load:
    """Posts campaigns to numbers that nobody had before, and waits for them."""

    system: Cluster
    posted: list[Posted] = field(default_factory=list)
    _given: int = 0

    async def post(self, size: int, start: float | None = None, spread: float = 0.0) -> Posted:
        """Post a campaign until it is accepted, with a key, so that it is created once.

        ``start`` is in seconds since 1970, ``spread`` in seconds.
        """
        first, self._given = self._given, self._given + size
        body: dict[str, Any] = {
            "sender": SENDER,
            "idempotencyKey": f"load-{first}",
            "recipients": [{"to": number_of(first + n), "text": text_of(n)} for n in range(size)],
        }
        if start is not None:
            body["scheduleDateTime"] = datetime.fromtimestamp(start, UTC).isoformat(
                timespec="milliseconds"
            )
        if spread:
            body["spreadHours"] = spread / 3_600
        asked_at, began = time.time(), time.monotonic()
        id = await self._accepted(body)
        posted = Posted(id, start, asked_at, time.monotonic() - began)
        self.posted.append(posted)
        return posted

    async def post_many(self, count: int, size: int) -> list[Posted]:
        """Post so many campaigns, a few at a time."""
        places = asyncio.Semaphore(AT_ONCE)

        async def post() -> Posted:
            async with places:
                return await self.post(size)

        return await asyncio.gather(*(post() for _ in range(count)))

    async def until_sent(self, count: int, before: int) -> None:
        """Wait until the carrier has accepted ``count`` more messages than ``before``."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := len(await self.system.carrier_log(before))) < count:
            assert time.monotonic() < deadline, f"{found} of {count} were sent"
            await asyncio.sleep(LOOK_SECONDS)

    async def until_ended(self, campaigns: Iterable[Posted]) -> None:
        """Wait until campaigns have ended and each of their messages has its receipt.

        Raises AssertionError when nothing of it happened for ``PATIENCE_SECONDS``.
        """
        ids = [each.id for each in campaigns]
        least, since = -1, time.monotonic()
        while left := await asyncio.to_thread(self._left, ids):
            if least < 0 or left < least:
                least, since = left, time.monotonic()
            assert time.monotonic() < since + PATIENCE_SECONDS, f"{left} have not ended"
            await asyncio.sleep(LOOK_SECONDS)

    def messages(self, campaigns: Sequence[Posted]) -> list[Sent]:
        """The messages of campaigns, all of which were sent."""
        starts = {each.id: each.start for each in campaigns}
        with self.system.connect("godwit") as connection:
            rows = connection.execute(_SENT, (list(starts),)).fetchall()
        assert all(sent is not None for _, _, sent, _ in rows), "a message was not sent"
        return [Sent(id, due / 1_000, sent / 1_000, bool(ended)) for id, due, sent, ended in rows]

    def _left(self, ids: Sequence[str]) -> int:
        with self.system.connect("godwit") as connection:
            row = connection.execute(_LEFT, {"ids": ids, "ends": _ENDS}).fetchone()
        assert row is not None
        return int(row[0])

    async def _accepted(self, body: Mapping[str, Any]) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = await self.system.api.post("/v1/campaigns", json=body)
                if answer.is_success:
                    return str(answer.json()["id"])
                said = f"{answer.status_code} {answer.text[:300]}"
                assert answer.status_code >= 500 or answer.status_code == 429, said
            except httpx.TransportError as error:
                said = type(error).__name__
            assert time.monotonic() < deadline, said
            await asyncio.sleep(AGAIN_SECONDS)
