"""What was measured, run by run, and how it stands to its budgets."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from bench.figures import median
from bench.series import PARTS, Budget, Series

# A figure that is so many times worse than in the last results is marked.
DECLINE = 2.0


class Verdict(StrEnum):
    """How a measured value stands to its budget."""

    KEPT = "kept"
    MISSED = "missed"
    OPEN = "not measured"


@dataclass(frozen=True, slots=True)
class Graded:
    """A budget, the median that is held against it, and what came of that."""

    budget: Budget
    value: float | None
    verdict: Verdict


@dataclass
class Results:
    """The values of every run, and a note where a value is missing or needs a word."""

    runs: list[dict[str, float]]
    notes: dict[str, str] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    # The medians of the last results, by title and unit.
    last: dict[tuple[str, str], float] = field(default_factory=dict)

    def fail(self, names: Iterable[str], why: str) -> None:
        """Remember that series could not be measured, though they should have been."""
        for name in names:
            self.failed.add(name)
            self.notes[name] = f"failed: {why}"

    def values(self, name: str) -> list[float]:
        """The values of one series, from every run that has one."""
        return [run[name] for run in self.runs if name in run]

    def ratios(self, name: str, against: str) -> list[float]:
        """One series as multiples of another, each from within one run."""
        return [run[name] / run[against] for run in self.runs if {name, against} <= run.keys()]

    def parts(self, name: str) -> dict[str, float]:
        """The medians of the processor time that each part took for a series."""
        found = {part: self.median(f"{name}.{part}") for part in PARTS}
        return {part: value for part, value in found.items() if value is not None}

    def median(self, name: str) -> float | None:
        """The median of a series, None without values."""
        values = self.values(name)
        return median(values) if values else None

    def ratio(self, name: str, against: str) -> float | None:
        """The median of the ratios, None where no run has both."""
        ratios = self.ratios(name, against)
        return median(ratios) if ratios else None

    def decline(self, series: Series) -> float | None:
        """How many times worse a median is than in the last results; None below twice."""
        last, now = self.last.get((series.title, series.unit)), self.median(series.name)
        if not last or not now or series.unit in ("×", "R²"):
            return None
        times = last / now if series.unit == "/s" else now / last
        return times if times >= DECLINE else None

    def grade(self, series: Series) -> list[Graded]:
        """Hold a series against each of its budgets."""
        graded = []
        for budget in series.budgets:
            value = self._held_against(series.name, budget)
            if value is None:
                verdict = Verdict.MISSED if series.name in self.failed else Verdict.OPEN
            else:
                verdict = Verdict.KEPT if budget.holds(value) else Verdict.MISSED
            graded.append(Graded(budget, value, verdict))
        return graded

    def _held_against(self, name: str, budget: Budget) -> float | None:
        return self.ratio(name, budget.against) if budget.against else self.median(name)
