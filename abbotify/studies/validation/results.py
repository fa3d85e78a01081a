"""What a validation finds, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from abbotify.files.replacement import Kind
from abbotify.stats.effects import CUPED, Estimator, deciding_estimand, methods_of
from abbotify.studies.validation.characteristics import Characteristic, outside
from abbotify.studies.validation.rates import Row

KIND: Final = Kind(
    "validation",
    frozenset({"validate.csv"}),
    ("validate.csv", "validate.md", "validate.html"),
)


@dataclass(frozen=True)
class Validation:
    """Operating characteristics in one world.

    Attributes:
        scenario: its name.
        arms: the control first.
        success: the metrics that decide.
        alpha: level.
        replications: experiments.
        users: of each of them, on average.
        rows: all that was measured.
        notes: what a reader has to know.
        meets: why every experiment was a run of its own; empty when users were drawn.
        estimator: which estimate decides.
    """

    scenario: str
    arms: tuple[str, ...]
    success: tuple[str, ...]
    alpha: float
    replications: int
    users: int
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    meets: str = ""
    estimator: Estimator = "mean"

    def decides(self, metric: str, method: str) -> bool:
        """Whether a method's estimate is the one that decides; a metric as in the rows."""
        if metric.partition(":")[0] not in self.success:
            return False
        adjusted = any((r.metric, r.method) == (metric, CUPED) for r in self.characteristics)
        return method in methods_of(deciding_estimand(self.estimator, adjusted))

    @property
    def characteristics(self) -> tuple[Characteristic, ...]:
        """The rows without reasons."""
        return tuple(row.characteristic for row in self.rows)

    @property
    def gated(self) -> int:
        """How many rates are promised."""
        return sum(one.gated for one in self.characteristics)

    @property
    def failures(self) -> Sequence[Characteristic]:
        """The promised rates that left their bands."""
        return outside(self.characteristics)
