"""The report of a run of ``make cluster`` in Markdown."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.cluster.containers import Installation
from tests.cluster.faults import Recovery
from tests.cluster.restores import RestoreRun
from tests.cluster.system import FILES
from tests.cluster.table import SAID_AND_RAN, markdown, not_honoured, said_and_ran
from tests.cluster.tale import Tale

HEADING = "## A run"
ROLES = {
    "temporal": "a frontend",
    "temporal-history": "a history service",
    "temporal-matching": "a matching service",
    "temporal-worker": "Temporal's worker",
    "api": "an API process",
    "worker": "a worker",
    "limits": "Redis",
    "postgres": "PostgreSQL",
}


def what_ran(installation: Installation) -> str:
    """What the files say and what runs, once all of it does."""
    count = sum(not each.place.service.is_job for each in installation.containers.values())
    parts = [
        f"{count} processes from {', '.join(f'`{file}`' for file in FILES)}.",
        "## What the files say and what ran",
        markdown(SAID_AND_RAN, said_and_ran(installation)),
        "Not honoured:",
        "\n".join(f"- {sentence}" for sentence in not_honoured(installation.services)),
    ]
    return "\n\n".join(parts)


def report(ran: str, tale: Tale) -> str:
    """Everything that a run found: what ran, how long it took, and what the judge says."""
    parts = [
        ran,
        a_run(tale),
        "## Seconds",
        markdown(("part", "seconds"), [(name, f"{s:.1f}") for name, s in _with_sum(tale)]),
        "## Judgement",
        markdown(("what", "count"), [(name, f"{count:,}") for name, count in _counted(tale)]),
    ]
    return "\n\n".join(parts) + "\n"


def write_page(page: Path, tale: Tale) -> None:
    """Put a run in the place of the one that ends a page."""
    before, _, _ = page.read_text("utf-8").partition(HEADING)
    page.write_text(f"{before}{a_run(tale)}\n", "utf-8")


def a_run(tale: Tale) -> str:
    """What docs/cluster.md says of a run."""
    seconds, verdict = dict(_with_sum(tale)), tale.verdict
    zeros = ", ".join(f"{name} {count}" for name, count in _faults(tale))
    parts = [
        HEADING,
        f"On {os.cpu_count()} cores ({datetime.now(UTC):%Y-%m-%d}, the server built before): "
        f"{seconds['all']:.0f} s in all, {seconds['start']:.0f} s of them until\neverything was "
        f"healthy. Of one key's batches, {tale.batches[0]} were accepted and {tale.batches[1]} "
        f"refused by the\ntwo API processes together. {verdict.sends:,} messages left before the "
        f"restores, {tale.replayed} histories were\nreplayed: {zeros}.",
        markdown(
            ("order", "answered after", "takes effect after"),
            [
                (
                    verb,
                    *(f"{found:.2f} s" for found in (tale.latencies[f"{verb} answered"], effect)),
                )
                for verb, effect in _effects(tale)
            ],
        ),
        markdown(
            ("fault", "healthy again after", "no answer for", "nothing sent for"),
            [_recovered(how, rows) for how, rows in _by_role(tale.recoveries).items()],
        ),
        "Which version of the workers completed the workflow tasks of a deploy's campaigns:",
        markdown(
            ("campaigns", "messages", "tasks"),
            [
                (
                    f"{row.campaigns}: {row.stage}",
                    f"{row.messages:,}",
                    ", ".join(f"{build} {count}" for build, count in sorted(row.tasks.items())),
                )
                for row in tale.carried
            ],
        ),
        "What was restored while a campaign was sent:",
        markdown(
            ("restored", "carrier", "copied in", "back after", "sent since the copy", "in the end"),
            [_restored(row) for row in tale.restore_runs],
        ),
    ]
    return "\n\n".join(parts)


def _effects(tale: Tale) -> list[tuple[str, float]]:
    return [
        (verb, tale.latencies[f"{which} send after {verb}"])
        for verb, which in (("pause", "last"), ("resume", "first"), ("cancel", "last"))
    ]


def _by_role(recoveries: Sequence[Recovery]) -> dict[str, list[Recovery]]:
    """What was done to the replicas of each role, in the order in which it was."""
    rows: dict[str, list[Recovery]] = {}
    for row in recoveries:
        name, _, how = row.fault.partition(" ")
        role = ROLES.get(name.rpartition("-")[0], name)
        rows.setdefault(f"{role} {how}".strip(), []).append(row)
    return rows


def _recovered(how: str, rows: Sequence[Recovery]) -> tuple[str, ...]:
    times = zip(*((row.healthy, row.unanswered, row.unsent) for row in rows), strict=True)
    return (how, *(_span(each) for each in times))


def _span(seconds: Sequence[float]) -> str:
    first, last = f"{min(seconds):.1f}", f"{max(seconds):.1f}"
    return f"{first} s" if first == last else f"{first}–{last} s"


def _restored(row: RestoreRun) -> tuple[str, ...]:
    verdict = row.verdict
    return (
        row.case.heading.removeprefix("Compose: "),
        {"dedup": "drops repeats", "lookup": "is asked"}[row.case.repeats.value],
        f"{row.copied:.1f} s",
        f"{row.restored:.1f} s",
        f"{row.after:,}",
        f"lost {verdict.lost}, doubled {verdict.doubled}, unknown {verdict.unknown}",
    )


def _with_sum(tale: Tale) -> list[tuple[str, float]]:
    return [*tale.seconds.items(), ("all", sum(tale.seconds.values()))]


def _faults(tale: Tale) -> list[tuple[str, int]]:
    verdict = tale.verdict
    return [
        ("lost", verdict.lost),
        ("doubled", verdict.doubled),
        ("miscounted", verdict.miscounted),
        ("unknown", verdict.unknown),
        ("credits that drift", verdict.drift),
        ("findings of the audit", len(verdict.findings)),
        ("leaks", len(verdict.leaks)),
        ("forgotten orders", len(verdict.forgotten)),
        ("sent against an order", len(verdict.paused_sent)),
    ]


def _counted(tale: Tale) -> list[tuple[str, int]]:
    return [
        ("messages accepted by the carrier", tale.verdict.sends),
        ("campaigns of the customers", tale.campaigns),
        ("orders", tale.orders),
        *_faults(tale),
        ("histories replayed", tale.replayed),
        *((f"connections of {name}", count) for name, count in tale.connections.items()),
    ]
