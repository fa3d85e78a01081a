"""What a theme of the calibration measured, before it is known how wide the bands may be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from abbotify.studies.validation.characteristics import Characteristic, gate_level, rate

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


@dataclass(frozen=True)
class Trial:
    """One row of the calibration.

    Attributes:
        method: What was tried.
        setting: On what users, how many, in what arms.
        quantity: What was measured, a rate unless `error` is set.
        value: Replications in which it happened; with `error` the mean over replications.
        of: Replications.
        expected: What theory says; None where it says nothing.
        gated: A departure is a fault of the program.
        at_most: `expected` is a bound from above.
        error: Monte Carlo standard error of a mean.
        theme: Part of the table.
    """

    method: str
    setting: str
    quantity: str
    value: float
    of: int
    expected: float | None = None
    gated: bool = False
    at_most: bool = False
    error: float | None = None
    theme: str = ""


@dataclass(frozen=True)
class Row:
    """One row of the table: a characteristic, where it belongs and how often it was tried."""

    theme: str
    found: Characteristic
    replications: int


def averaged(
    method: str,
    setting: str,
    quantity: str,
    values: ArrayLike,
    expected: float | None = None,
    gated: bool = False,
) -> Trial:
    """The trial of a mean over replications, at least two of them."""
    numbers = np.asarray(values, dtype=np.float64)
    error = float(numbers.std(ddof=1)) / math.sqrt(len(numbers))
    mean = float(numbers.mean())
    return Trial(method, setting, quantity, mean, len(numbers), expected, gated, error=error)


def characterise(trials: Sequence[Trial]) -> list[Row]:
    """The trials with their bands.

    All rows with an expectation have the level at which a right program fails the whole table's
    gates with chance `characteristics.FALSE_ALARM`; the others the .05 of an interval.
    """
    level = gate_level(sum(trial.gated for trial in trials))
    return [
        Row(
            trial.theme,
            _rate(trial, level) if trial.error is None else _mean(trial, level),
            trial.of,
        )
        for trial in trials
    ]


def hits(p_values: Iterable[float | None], alpha: float = ALPHA) -> int:
    """How many p-values are below alpha; an undefined one is not."""
    return sum(p is not None and p < alpha for p in p_values)


def covers(lower: float | None, upper: float | None, truth: float) -> bool:
    """Whether an interval holds the truth; one that is undefined or unbounded excludes nothing."""
    return lower is None or upper is None or lower <= truth <= upper


def _rate(trial: Trial, level: float) -> Characteristic:
    return rate(
        trial.method,
        trial.setting,
        trial.quantity,
        round(trial.value),
        trial.of,
        trial.expected,
        trial.gated,
        level if trial.expected is not None else 0.05,
        trial.at_most,
    )


def _mean(trial: Trial, level: float) -> Characteristic:
    from scipy.special import ndtri

    assert trial.error is not None
    expected = trial.expected
    half = -float(ndtri(0.025 if expected is None else level / 2)) * trial.error
    middle = trial.value if expected is None else expected
    lower, upper = middle - half, middle + half
    inside = None if expected is None else lower <= trial.value <= upper
    return Characteristic(
        trial.method,
        trial.setting,
        trial.quantity,
        trial.value,
        lower,
        upper,
        expected,
        inside,
        trial.gated,
    )
