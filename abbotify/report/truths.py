"""Estimates beside the truth that only a simulation knows; as plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TruthRow:
    """What one method said of one effect, and what the effect is.

    Attributes:
        arm: the treatment.
        metric: its name.
        form: of the truth: "total" (everybody under the arm) or "equal_data" (with as much to
            learn from as the arm had).
        method: an estimand, or a method that is known to be wrong, for comparison.
        unit: "metric": the metric's own, or "percent" of the control.
        estimate: what the method said; None when undefined.
        lower: its interval.
        upper: likewise.
        truth: the effect in the whole population, in the same unit.
        bias: estimate - truth.
        covered: whether the interval holds the truth; None without an interval.
        note: empty, or what a reader has to know.
    """

    arm: str
    metric: str
    form: str
    method: str
    unit: str
    estimate: float | None
    lower: float | None
    upper: float | None
    truth: float | None
    bias: float | None
    covered: bool | None
    note: str = ""
