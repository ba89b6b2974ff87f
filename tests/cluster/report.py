"""The report of a run of ``make cluster`` in Markdown."""

from tests.cluster.containers import Installation
from tests.cluster.system import FILES
from tests.cluster.table import SAID_AND_RAN, markdown, not_honoured, said_and_ran
from tests.cluster.tale import Tale


def report(installation: Installation, tale: Tale) -> str:
    """Everything that a run found: what ran, how long it took, and what the judge says."""
    count = sum(not each.place.service.is_job for each in installation.containers.values())
    parts = [
        f"{count} processes from {', '.join(f'`{file}`' for file in FILES)}.",
        "## What the files say and what ran",
        markdown(SAID_AND_RAN, said_and_ran(installation)),
        "Not honoured:",
        "\n".join(f"- {sentence}" for sentence in not_honoured(installation.services)),
        "## The tale",
        markdown(("part", "seconds"), [(name, f"{s:.1f}") for name, s in _with_sum(tale)]),
        f"Dialects: {', '.join(tale.accepted)}. Of one key's batches over two API processes "
        f"within a minute, {tale.batches[0]} were accepted and {tale.batches[1]} refused.",
        markdown(("order", "seconds"), [(n, f"{s:.2f}") for n, s in tale.latencies.items()]),
        "## Recovery",
        markdown(
            ("fault", "healthy again", "no answer for", "nothing sent for"),
            [
                (
                    row.fault,
                    f"{row.healthy:.1f} s",
                    f"{row.unanswered:.1f} s",
                    f"{row.unsent:.1f} s",
                )
                for row in tale.recoveries
            ],
        ),
        "## Judgement",
        markdown(("what", "count"), [(name, f"{count:,}") for name, count in _counted(tale)]),
    ]
    return "\n\n".join(parts) + "\n"


def _with_sum(tale: Tale) -> list[tuple[str, float]]:
    return [*tale.seconds.items(), ("all", sum(tale.seconds.values()))]


def _counted(tale: Tale) -> list[tuple[str, int]]:
    verdict = tale.verdict
    return [
        ("messages accepted by the carrier", verdict.sends),
        ("campaigns of the customers", tale.campaigns),
        ("orders", tale.orders),
        ("lost", verdict.lost),
        ("doubled", verdict.doubled),
        ("miscounted", verdict.miscounted),
        ("unknown", verdict.unknown),
        ("credits that drift", verdict.drift),
        ("findings of the audit", len(verdict.findings)),
        ("leaks", len(verdict.leaks)),
        ("forgotten orders", len(verdict.forgotten)),
        ("sent against an order", len(verdict.paused_sent)),
        ("histories replayed", tale.replayed),
        *((f"connections of {name}", count) for name, count in tale.connections.items()),
    ]
