"""The report of a proof, as JSON and as Markdown."""

import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import pairwise

from starter.proof.faults import Fault
from starter.proof.load import Effort
from starter.proof.verdict import Verdict

MEANINGS = {
    "lost": "neither sent nor given up",
    "doubled": "taken by the carrier more than once",
    "miscounted": "in another state than the carrier's log and the counts say",
    "drift": "credits posted or returned wrongly",
    "leaks": "credits that ended campaigns still hold",
    "unknown": "nobody can tell; counted apart",
}


@dataclass(frozen=True, slots=True)
class Report:
    """What was done and what came of it; instants in ISO 8601."""

    began_at: str
    ended_at: str
    effort: Effort
    run: str
    installation: str
    verdict: Verdict
    faults: Sequence[Fault]
    longest_silence_seconds: float

    def as_json(self) -> dict[str, object]:
        """The report with camel-case names."""
        return {
            "holds": self.verdict.holds,
            "beganAt": self.began_at,
            "endedAt": self.ended_at,
            "command": self.effort.command,
            "seed": self.effort.seed,
            "run": self.run,
            "installation": self.installation,
            "hook": self.effort.hook,
            "versions": versions(),
            "longestSilenceSeconds": self.longest_silence_seconds,
            **asdict(self.verdict),
            "faults": [asdict(fault) for fault in self.faults],
        }

    def as_markdown(self) -> str:
        """The report as a page."""
        verdict = asdict(self.verdict)
        made = Counter(fault.what for fault in self.faults)
        lines = [
            "# The promise holds" if self.verdict.holds else "# The promise does not hold",
            "",
            f"{verdict['messages']:,} messages in {verdict['campaigns']:,} campaigns to "
            f"{self.installation}, {verdict['sent']:,} taken by the carrier, "
            f"{len(self.faults):,} faults.",
            "",
            "| what | count | meaning |",
            "|---|--:|---|",
            *(f"| {name} | {verdict[name]:,} | {text} |" for name, text in MEANINGS.items()),
            "",
            "| fault | times |",
            "|---|--:|",
            *(f"| {_cell(what)} | {count:,} |" for what, count in sorted(made.items())),
            "",
            f"The longest time between two messages was {self.longest_silence_seconds:.1f} s.",
            f"From {self.began_at} to {self.ended_at}; run {self.run}.",
            ", ".join(f"{name} {number}" for name, number in versions().items()) + ".",
            "",
            "```",
            self.effort.command,
            "```",
        ]
        return "\n".join(lines) + "\n"


def versions() -> dict[str, str]:
    """The versions of this program and of what it stands on."""
    names = ("godwit", "temporalio")
    return {**{name: version(name) for name in names}, "python": platform.python_version()}


def longest_silence(seconds: Sequence[float]) -> float:
    """The longest time between two acceptances, given the instants of all of them."""
    ordered = sorted(seconds)
    return round(max((after - before for before, after in pairwise(ordered)), default=0.0), 1)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
