"""The judge: the carrier's log against our rows, the books, and everything that may leak."""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaign.settings import Settings
from store.campaigns.audit import audit
from store.store import Store, open_store
from tests.chaos.arena import Arena
from tests.chaos.customers import CANARY_NUMBER, CANARY_TEXT

HANDED_OFF = {"sent", "delivered", "undelivered"}
UNDONE = {"queued", "retryable", "sending"}


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

    @property
    def is_clean(self) -> bool:
        """Nothing lost, doubled, miscounted, off or leaked."""
        wrong = self.lost + self.doubled + self.miscounted + self.drift
        return wrong == 0 and not self.findings and not self.leaks


def check(arena: Arena, log: list[dict[str, Any]], secrets: list[str]) -> Verdict:
    """Hold everything against each other once all campaigns have ended."""
    store = open_store(Settings(database_url=arena.url))
    try:
        verdict = _check_messages(store, log)
        verdict.findings = [str(finding) for finding in audit(store.database).findings]
        account = store.accounts.show("demo")
        assert account is not None
        for balance in account.balances.values():
            verdict.drift += abs(
                balance.granted - balance.available - balance.held - balance.posted
            )
    finally:
        store.close()
    verdict.leaks = leaks(arena.stack.options.data, secrets)
    return verdict


def _check_messages(store: Store, log: list[dict[str, Any]]) -> Verdict:
    accepted = Counter(str(row["reference"]) for row in log)
    verdict = Verdict(sends=len(log))
    verdict.doubled = sum(count - 1 for count in accepted.values())
    for view in store.campaigns.list(limit=100_000):
        for message in store.campaigns.messages(view.id, limit=100_000):
            verdict.messages += 1
            taken = accepted.pop(message.id, 0)
            status = message.status.value
            if status in UNDONE or (status in HANDED_OFF and not taken):
                verdict.lost += 1
            elif status == "unknown":
                verdict.unknown += 1
            elif status not in HANDED_OFF and taken:
                verdict.miscounted += 1
    verdict.miscounted += len(accepted)
    return verdict


def leaks(data: Path, secrets: list[str]) -> list[str]:
    """Where a planted number, text or secret can be read: logs and Temporal's database."""
    planted = [CANARY_NUMBER[1:], CANARY_NUMBER[2:], CANARY_TEXT, *secrets]
    _checkpoint(data / "temporal.db")
    found = []
    for file in [*sorted((data / "logs").glob("*")), *sorted(data.glob("temporal.db*"))]:
        content = file.read_bytes()
        found += [f"{file.name}: {text}" for text in planted if text.encode() in content]
    return found


def _checkpoint(file: Path) -> None:
    """Bring what is still in the write-ahead log into the file that is searched."""
    connection = sqlite3.connect(file, timeout=10)
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    finally:
        connection.close()
