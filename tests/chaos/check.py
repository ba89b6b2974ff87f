"""The judge: the carrier's log against our rows, the books, the orders, and what may leak."""

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaign.settings import Settings
from store.campaigns.audit import audit
from store.store import Store, open_store
from tests.chaos.arena import SystemUnderTest
from tests.chaos.customers import CANARY_TEXT, Posted
from tests.chaos.orders import instant, sent_against_orders, unretried

HANDED_OFF = {"sent", "delivered", "undelivered"}
UNDONE = {"queued", "retryable", "sending"}
_DIGITS = re.compile(rb"(?<!\d)1?\d{10}(?!\d)")


@dataclass
class Verdict:
    """What came of a run; a clean one has zeros wherever it says so."""

    sends: int = 0
    messages: int = 0
    lost: int = 0
    doubled: int = 0
    miscounted: int = 0
    unknown: int = 0
    drift: int = 0
    findings: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    paused_sent: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Nothing lost, doubled, miscounted, off, leaked, sent against an order, or forgotten."""
        wrong = self.lost + self.doubled + self.miscounted + self.drift
        return wrong == 0 and not self.troubles

    @property
    def troubles(self) -> list[str]:
        """What can be said in words."""
        return self.findings + self.leaks + self.forgotten + self.paused_sent


@dataclass(frozen=True)
class Restored:
    """That an older copy of the store was restored, when ``rows`` were in the carrier's log.

    ``late`` are the references that the carrier accepted after the copy was made.
    """

    late: Collection[str]
    rows: int
    repeats: str

    def forgives_repeat(self, reference: str) -> bool:
        """Tell whether nothing could keep a message from being sent again."""
        return self.repeats == "none" and reference in self.late


NOT_RESTORED = Restored((), 0, "")


def check(
    arena: SystemUnderTest,
    log: list[dict[str, Any]],
    posted: Iterable[Posted],
    restored: Restored = NOT_RESTORED,
) -> Verdict:
    """Hold everything against each other once all campaigns have ended."""
    store = open_store(Settings(database_url=arena.url))
    try:
        verdict = _check_messages(store, log, restored)
        _check_orders(store, log, posted, verdict, restored)
        _check_balances(store, verdict)
    finally:
        store.close()
    return verdict


def _check_messages(store: Store, log: list[dict[str, Any]], restored: Restored) -> Verdict:
    accepted = Counter(str(row["reference"]) for row in log)
    verdict = Verdict(sends=len(log))
    verdict.doubled = sum(
        count - 1
        for reference, count in accepted.items()
        if not restored.forgives_repeat(reference)
    )
    for view in store.campaigns.list(limit=100_000):
        for message in store.campaigns.messages(view.id, limit=100_000):
            verdict.messages += 1
            taken = accepted.pop(message.id, 0)
            status = message.status.value
            if status in UNDONE or (status in HANDED_OFF and not taken):
                verdict.lost += 1
            elif status == "unknown":
                verdict.unknown += 1
            elif status not in HANDED_OFF and taken and message.id not in restored.late:
                verdict.miscounted += 1
    verdict.miscounted += sum(reference not in restored.late for reference in accepted)
    return verdict


def _check_orders(
    store: Store,
    log: list[dict[str, Any]],
    posted: Iterable[Posted],
    verdict: Verdict,
    restored: Restored,
) -> None:
    accepted: dict[str, list[int]] = defaultdict(list)
    # After a restore the later orders are gone, and what they said no longer holds.
    for row in log[: restored.rows or None]:
        accepted[str(row["reference"])].append(instant(row["at"]))
    for campaign in posted:
        messages = store.campaigns.messages(campaign.id, limit=100_000)
        instants = [at for message in messages for at in accepted[message.id]]
        verdict.paused_sent += sent_against_orders(campaign, instants)
        if messages and not restored.rows:
            attempts = {message.id: message.attempts for message in messages}
            verdict.forgotten += unretried(campaign, attempts)


def _check_balances(store: Store, verdict: Verdict) -> None:
    verdict.findings = [str(finding) for finding in audit(store.database).findings]
    account = store.accounts.show("demo")
    assert account is not None
    for balance in account.balances.values():
        verdict.drift += abs(balance.granted - balance.available - balance.held - balance.posted)


async def leaks(arena: SystemUnderTest, numbers: Collection[str]) -> list[str]:
    """Where a number, a text or a secret can be read: logs, metrics and Temporal's database."""
    secrets = [str(arena.account[name]).encode() for name in ("keySecret", "bearer")]
    # With and without the country, and never the sender, which is nobody's.
    known = {number[start:].encode() for number in numbers for start in (1, 2)}
    found: Counter[str] = Counter()
    for name, content in _readable(arena.data):
        found.update(f"{name}: a number" for each in _DIGITS.findall(content) if each in known)
        found.update({f"{name}: a text": content.count(CANARY_TEXT.encode())})
        found.update({f"{name}: a secret": sum(content.count(each) for each in secrets)})
    metrics = (await arena.api.get("/metrics")).content
    found.update(f"metrics: {each!r}" for each in _DIGITS.findall(metrics) if each in known)
    return [f"{what}, {count} times" for what, count in found.items() if count]


def _readable(data: Path) -> Iterator[tuple[str, bytes]]:
    if (data / "temporal.db").exists():
        _checkpoint(data / "temporal.db")
    temporal = (data / "temporal.db").resolve()
    files = [*(data / "logs").rglob("*"), *temporal.parent.glob("temporal.db*")]
    for file in sorted(files):
        if file.is_file():
            yield file.name, file.read_bytes()


def _checkpoint(file: Path) -> None:
    """Bring what is still in the write-ahead log into the file that is searched."""
    connection = sqlite3.connect(file, timeout=10)
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    finally:
        connection.close()
