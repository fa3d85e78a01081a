"""How much a calibration tries, and what counts as a hit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ALPHA = 0.05


@dataclass(frozen=True)
class Effort:
    """How much is tried.

    Attributes:
        share: Of the full table's replications.
        largest: Users of the largest experiments.
        findings: With the rows that are not gated, where leaving them out saves time.
    """

    share: float = 1.0
    largest: int = 100_000
    findings: bool = True

    def of(self, replications: int) -> int:
        """Replications of a cell that has so many in the full table."""
        return max(1, round(self.share * replications))


FULL = Effort()
SMALL = Effort(0.05, 10_000, findings=False)


def hits(p_values: Iterable[float | None], alpha: float = ALPHA) -> int:
    """How many p-values are below alpha; an undefined one is not."""
    return sum(p is not None and p < alpha for p in p_values)


def covers(lower: float | None, upper: float | None, truth: float) -> bool:
    """Whether an interval holds the truth; one that is undefined or unbounded excludes nothing."""
    return lower is None or upper is None or lower <= truth <= upper
