"""Operating characteristics: rates of a method over many experiments whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from abbotify.files.replacement import Kind
from abbotify.stats import normal
from abbotify.stats.effects import CUPED, deciding_estimand, methods_of
from abbotify.studies.validation.methods import AnalysisPlan

FALSE_ALARM: Final = 0.01  # of all gated rates of one table together, were every method right
CHANCE: Final = 0.05  # that a Monte Carlo interval misses, where nothing is expected

COLUMNS: Final = (
    *("method", "metric", "quantity", "measured"),
    *("lower", "upper", "expected", "within"),
)
"""Of validate.csv."""


@dataclass(frozen=True)
class Characteristic:
    """One measured quantity of one method, made by `rate` or `average`, its band by `banded`.

    Attributes:
        method: What was tried: "welch", "fieller", "cuped", "naive_relative", ...
        metric: On what: a metric's name, or what the generated values are.
        quantity: "false_positive_rate", "power", "coverage", "mean_width", "sign_error",
            "exaggeration", ...
        measured: The rate or mean over the replications; None where undefined.
        replications: In which it is defined.
        expected: What theory says; None where it says nothing.
        gated: A departure is a fault of the program, not a finding about the method.
        why: Why it is not gated where it could be.
        lower: Lower end of the band in which `measured` is expected to lie; of its own Monte
            Carlo error where nothing is expected.
        upper: Upper end.
        within: Whether measured lies in the band; None where nothing is expected.
        at_most: `expected` is a bound: the band reaches down to 0.
        error: Monte Carlo standard error of a mean, NaN of a single value; None of a rate.
    """

    method: str
    metric: str
    quantity: str
    measured: float | None
    replications: int
    expected: float | None = None
    gated: bool = False
    why: str = ""
    lower: float | None = None
    upper: float | None = None
    within: bool | None = None
    at_most: bool = field(default=False, compare=False)
    error: float | None = field(default=None, compare=False)

    def banded(self, level: float) -> Characteristic:
        """The same with its band.

        Args:
            level: Chance that what is as expected leaves the band; both sides together, or above
                a bound. Without `expected` the band misses with chance `CHANCE`.

        Source: a rate's band by the binomial distribution, or Clopper, Pearson (1934), Biometrika
        26, where nothing is expected; a mean's by the normal distribution.
        """
        if self.measured is None or math.isnan(self.error or 0.0):
            return self
        if self.expected is None:
            lower, upper = self._band(self.measured, CHANCE)
            return replace(self, lower=lower, upper=upper)
        lower, upper = self._band(self.measured, level)
        return replace(self, lower=lower, upper=upper, within=lower <= self.measured <= upper)

    def _band(self, measured: float, level: float) -> tuple[float, float]:
        from scipy.stats import beta, binom

        expected, of = self.expected, self.replications
        if self.error is not None:
            middle = measured if expected is None else expected
            half = normal.quantile(level) * self.error
            return middle - half, middle + half
        if expected is None:
            hits = round(measured * of)
            lower = 0.0 if hits == 0 else float(beta.ppf(level / 2, hits, of - hits + 1))
            upper = 1.0 if hits == of else float(beta.ppf(1 - level / 2, hits + 1, of - hits))
            return lower, upper
        if self.at_most:
            return 0.0, float(binom.ppf(1 - level, of, expected)) / of
        lower, upper = binom.interval(1 - level, of, expected)
        return float(lower) / of, float(upper) / of


def rate(
    method: str,
    metric: str,
    quantity: str,
    hits: int,
    of: int,
    expected: float | None = None,
    gated: bool = False,
    at_most: bool = False,
    why: str = "",
) -> Characteristic:
    """The rate of so many hits in so many replications; undefined, and not gated, of none."""
    measured = hits / of if of else None
    gated = gated and measured is not None and expected is not None
    return Characteristic(
        method, metric, quantity, measured, of, expected, gated, why, at_most=at_most
    )


def average(
    method: str,
    metric: str,
    quantity: str,
    values: ArrayLike,
    expected: float | None = None,
    gated: bool = False,
) -> Characteristic:
    """The mean over replications, of the values that are finite."""
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    count = len(numbers)
    mean = float(numbers.mean()) if count else None
    error = float(numbers.std(ddof=1)) / math.sqrt(count) if count > 1 else math.nan
    return Characteristic(method, metric, quantity, mean, count, expected, gated, error=error)


def banded(rows: Sequence[Characteristic]) -> tuple[Characteristic, ...]:
    """A table's rows with bands by `gate_level`."""
    level = gate_level(sum(row.gated for row in rows))
    return tuple(row.banded(level) for row in rows)


def gate_level(gated: int) -> float:
    """The level of each band, so that a correct program fails a table with chance `FALSE_ALARM`.

    Args:
        gated: How many rates of the table are gated.

    Source: Bonferroni.
    """
    return FALSE_ALARM / max(gated, 1)


def outside(rows: Iterable[Characteristic]) -> Sequence[Characteristic]:
    """The gated rows whose measured rate left its band."""
    return [row for row in rows if row.gated and row.within is False]


KIND: Final = Kind(
    "validation", frozenset({"validate.csv"}), ("validate.csv", "validate.md", "validate.html")
)


@dataclass(frozen=True)
class Validation:
    """Operating characteristics in one world.

    Attributes:
        scenario: its name.
        arms: the control first.
        plan: how experiments are analysed.
        replications: experiments.
        users: of each of them, on average.
        rows: all that was measured.
        notes: for the reader.
        coupled: why every experiment was a run of its own; empty when users were drawn.
    """

    scenario: str
    arms: tuple[str, ...]
    plan: AnalysisPlan
    replications: int
    users: int
    rows: tuple[Characteristic, ...]
    notes: tuple[str, ...] = ()
    coupled: str = ""

    def is_success(self, metric: str) -> bool:
        """Whether a metric, as in the rows, is one that decides."""
        return metric.partition(":")[0] in self.plan.success

    def decides(self, metric: str, method: str) -> bool:
        """Whether a method's estimate is the one that decides; a metric as in the rows."""
        adjusted = any((row.metric, row.method) == (metric, CUPED) for row in self.rows)
        estimand = deciding_estimand(self.plan.estimator, adjusted)
        return self.is_success(metric) and method in methods_of(estimand)

    @property
    def gated(self) -> int:
        """How many rates are promised."""
        return sum(row.gated for row in self.rows)

    @property
    def failures(self) -> Sequence[Characteristic]:
        """The promised rates that left their bands."""
        return outside(self.rows)
