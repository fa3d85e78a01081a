"""Operating characteristics: rates of a method over many experiments whose truth is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Final

from abbotify.files.replacement import Kind
from abbotify.stats.effects import CUPED, Estimator, deciding_estimand, methods_of

FALSE_ALARM: Final = 0.01  # of all gated rates of one table together, were every method right


@dataclass(frozen=True)
class Characteristic:
    """One measured quantity of one method; validate.csv has all but the last two.

    Attributes:
        method: What was tried: "welch", "fieller", "cuped", "naive_relative", ...
        metric: On what: a metric's name, or what the generated values are.
        quantity: "false_positive_rate", "power", "coverage", "mean_width", "sign_error",
            "exaggeration", ...
        measured: The rate or mean over the replications; None where undefined.
        lower: Lower end of the band in which `measured` is expected to lie; of its own Monte
            Carlo error where nothing is expected.
        upper: Upper end.
        expected: What theory says; None where it says nothing.
        within: Whether measured lies in the band; None where nothing is expected.
        gated: A departure is a fault of the program, not a finding about the method.
        why: Why it is not gated where it could be.
    """

    method: str
    metric: str
    quantity: str
    measured: float | None
    lower: float | None = None
    upper: float | None = None
    expected: float | None = None
    within: bool | None = None
    gated: bool = False
    why: str = ""


COLUMNS: Final = tuple(field.name for field in fields(Characteristic)[:-2])


def rate(
    method: str,
    metric: str,
    quantity: str,
    hits: int,
    of: int,
    expected: float | None = None,
    gated: bool = False,
    level: float = 0.05,
    at_most: bool = False,
    why: str = "",
) -> Characteristic:
    """A rate over replications with its binomial band.

    Args:
        method: As in `Characteristic`, likewise the next two.
        metric: On what.
        quantity: Which rate.
        hits: Replications in which it happened.
        of: Replications; 0 leaves everything undefined.
        expected: The rate promised.
        gated: As in `Characteristic`.
        level: Chance that a rate as promised leaves its band; both sides together.
        at_most: The promise is a bound: the band reaches down to 0, its upper end has all of
            `level`.
        why: As in `Characteristic`.

    Returns:
        without `expected` the band is Clopper and Pearson's interval of the measured rate.

    Source: Clopper, Pearson (1934), Biometrika 26; the band by the binomial distribution.
    """
    if of == 0:
        return Characteristic(method, metric, quantity, None, expected=expected, why=why)
    measured = hits / of
    if expected is None:
        lower, upper = clopper_pearson(hits, of, level)
        return Characteristic(method, metric, quantity, measured, lower, upper, why=why)
    lower, upper = binomial_band(expected, of, level, at_most)
    inside = lower <= measured <= upper
    return Characteristic(
        method, metric, quantity, measured, lower, upper, expected, inside, gated, why
    )


def binomial_band(
    expected: float, of: int, level: float, at_most: bool = False
) -> tuple[float, float]:
    """The rates between which `of` trials of that chance stay with probability 1 - level."""
    from scipy.stats import binom

    if at_most:
        return 0.0, float(binom.ppf(1 - level, of, expected)) / of
    return (
        float(binom.ppf(level / 2, of, expected)) / of,
        float(binom.ppf(1 - level / 2, of, expected)) / of,
    )


def clopper_pearson(hits: int, of: int, level: float) -> tuple[float, float]:
    """The exact interval of a rate with confidence 1 - level."""
    from scipy.stats import beta

    lower = 0.0 if hits == 0 else float(beta.ppf(level / 2, hits, of - hits + 1))
    upper = 1.0 if hits == of else float(beta.ppf(1 - level / 2, hits + 1, of - hits))
    return lower, upper


def gate_level(gated: int) -> float:
    """The level of each band, so that a right program fails a table with chance `FALSE_ALARM`.

    Args:
        gated: How many rates of the table are gated.

    Source: Bonferroni.
    """
    return FALSE_ALARM / max(gated, 1)


def outside(rows: Iterable[Characteristic]) -> Sequence[Characteristic]:
    """The gated rows whose measured rate left its band."""
    return [row for row in rows if row.gated and row.within is False]


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
        notes: for the reader.
        coupled: why every experiment was a run of its own; empty when users were drawn.
        estimator: which estimate decides.
    """

    scenario: str
    arms: tuple[str, ...]
    success: tuple[str, ...]
    alpha: float
    replications: int
    users: int
    rows: tuple[Characteristic, ...]
    notes: tuple[str, ...] = ()
    coupled: str = ""
    estimator: Estimator = "mean"

    def decides(self, metric: str, method: str) -> bool:
        """Whether a method's estimate is the one that decides; a metric as in the rows."""
        if metric.partition(":")[0] not in self.success:
            return False
        adjusted = any((row.metric, row.method) == (metric, CUPED) for row in self.rows)
        return method in methods_of(deciding_estimand(self.estimator, adjusted))

    @property
    def gated(self) -> int:
        """How many rates are promised."""
        return sum(row.gated for row in self.rows)

    @property
    def failures(self) -> Sequence[Characteristic]:
        """The promised rates that left their bands."""
        return outside(self.rows)
