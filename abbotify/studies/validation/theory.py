"""What theory says of methods in a known world: power, errors of those found, true level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from abbotify.stats import normal
from abbotify.stats.effects import CUPED, NAIVE
from abbotify.stats.power import FEWEST, Pilot, power
from abbotify.studies.validation.methods import (
    LOOKS_FIXED,
    METHODS,
    TRACKS,
    AnalysisPlan,
    Key,
    at_any_look,
)
from abbotify.studies.validation.outcomes import Outcomes, Shape
from abbotify.studies.validation.trials import LOOKS

EQUAL_FROM: Final = 1_000  # users of both arms from which equal arms keep the level
UNEQUAL_FROM: Final = 10_000  # likewise 90/10
_EQUAL: Final = 0.8  # the smaller arm beside the larger one
_LEAST_SHARE: Final = 0.099  # of the smaller arm
# A departure that theory expects, in standard errors of the measured rate, which is no fault.
_SLACK: Final = 0.5


@dataclass(frozen=True)
class Expected:
    """The characteristics of a key in theory; None where theory has no value.

    Attributes:
        false_positives: the chance of finding something where nothing is.
        coverage: of its intervals.
        power: the chance of finding the effect.
        sign_error: share of wrong signs among the effects found.
        exaggeration: mean of |estimate| / |effect| among them.
        ungated: why the first is a finding and no promise; empty where it is one.
        ungated_coverage: likewise the second.
        truth: in the units of the estimates, NaN where undefined.
    """

    false_positives: float | None
    coverage: float | None
    power: float | None = None
    sign_error: float | None = None
    exaggeration: float | None = None
    ungated: str = ""
    ungated_coverage: str = ""
    truth: float = math.nan


@dataclass(frozen=True)
class Pair:
    """A treatment against the control in an experiment of a given size.

    Attributes:
        control: its shape.
        treatment: its shape.
        users: of both arms on average, before those without a value are left out.
        alpha: two-sided level.
        everybody: users of all arms; default those two.
    """

    control: Shape
    treatment: Shape
    users: tuple[float, float]
    alpha: float
    everybody: float | None = None

    @property
    def effect(self) -> float:
        """The true difference."""
        return self.treatment.value - self.control.value

    @property
    def lift(self) -> float | None:
        """The true lift in per cent of |control|."""
        return None if self.control.value == 0 else 100 * self.effect / abs(self.control.value)

    @property
    def counts(self) -> tuple[float, float]:
        """Users with a value in both arms, on average."""
        return self.users[0] * self.control.share, self.users[1] * self.treatment.share

    @property
    def error(self) -> float:
        """The standard error of the difference."""
        control, treatment = self.counts
        apart = self.control.variance / control + self.treatment.variance / treatment
        return math.sqrt(apart + self.shared)

    @property
    def shared(self) -> float:
        """The part of the squared error that comes from the covariates' overall mean."""
        pairs = zip(self.control.common, self.treatment.common, strict=True)
        whole = (self.everybody or sum(self.users)) * self.control.share
        return (
            sum((treatment - control) ** 2 for control, treatment in pairs) / whole
            if whole
            else 0.0
        )

    def without_effect(self) -> Pair:
        """The same arms, both with the control's outcomes."""
        return Pair(self.control, self.control, self.users, self.alpha, self.everybody)

    def of_lift(self) -> Pair:
        """The contrast that the lift's interval tests: treatment - (1 + lift) control."""
        factor = self.treatment.value / self.control.value if self.control.value else 1.0
        control = self.control.scaled(factor)
        return Pair(control, self.treatment, self.users, self.alpha, self.everybody)

    def power(self) -> float | None:
        """The chance that a test finds the effect; None where it cannot be planned."""
        if min(self.counts) < FEWEST or min(self.control.variance, self.treatment.variance) <= 0:
            return None
        treatment = self.treatment.variance + self.shared * self.counts[1]
        pilot = Pilot(self.control.value, self.control.variance, treatment)
        return power(pilot, self.effect, self.counts, self.alpha)

    def departure(self) -> float:
        """The true level of a two-sided t test less its nominal one, from skewness and tails.

        With z the critical value, g the skewness and k the excess kurtosis of the estimated
        difference: 2 z phi(z) (g^2 (z^4 + 2 z^2 - 3) / 18 - k (z^2 - 3) / 12). For lognormal
        values with s = 1 at 90/10 and 10 000 users it is +.005, and .054 is measured.

        Source: Hall (1987), Annals of Probability 15, for one sample's t; for the difference of
        two with the cumulants of that difference.
        """
        (n, m), squared = self.counts, self.error**2
        if squared <= 0:
            return 0.0
        third = self.treatment.third / m**2 - self.control.third / n**2
        fourth = self.treatment.fourth / m**3 + self.control.fourth / n**3
        z = normal.quantile(self.alpha)
        from_skewness = third**2 / squared**3 * (z**4 + 2 * z**2 - 3) / 18
        from_tails = fourth / squared**2 * (z**2 - 3) / 12
        return 2 * z * normal.density(z) * (from_skewness - from_tails)

    def why_not_gated(self, replications: int) -> str:
        """Why the level is not promised here; empty when it is.

        Args:
            replications: by which it is measured: the more, the less it may depart.
        """
        small, large = sorted(self.counts)
        if small + large < EQUAL_FROM:
            return f"fewer than {EQUAL_FROM:,} users"
        if small < _EQUAL * large and small + large < UNEQUAL_FROM:
            return f"unequal arms of fewer than {UNEQUAL_FROM:,} users"
        if small < _LEAST_SHARE * (small + large):
            return "an arm has less than a tenth of the users"
        departure = self.departure()
        if abs(departure) > _SLACK * math.sqrt(self.alpha * (1 - self.alpha) / replications):
            skewness = max(self.control.skewness, self.treatment.skewness, key=abs)
            expected = max(self.alpha + departure, 0.0)
            return f"skewness {skewness:.1f}: a rate of about {expected:.3f} is to be expected"
        return ""


def expectations(
    outcomes: Outcomes,
    keys: Sequence[Key],
    users: Sequence[float],
    plan: AnalysisPlan,
    replications: int,
) -> list[Expected]:
    """What is expected of each key.

    Args:
        outcomes: what experiments are drawn from.
        keys: method, metric and treatment.
        users: of each arm, on average.
        plan: how experiments are analysed.
        replications: by which rates are measured.
    """
    known: dict[tuple[str, str, bool], list[Shape]] = {}
    out = []
    for key in keys:
        method, arm = METHODS[key.method], outcomes.arms.index(key.arm)
        decided = method.decides and outcomes.deciding(key.metric, plan.estimator) == CUPED
        what = key.metric, method.estimand, method.adjusted or decided
        if what not in known:
            group = outcomes.group(key.metric, method.estimand)
            known[what] = outcomes.shapes(group, what[2])
        control, treatment = known[what][0], known[what][arm]
        pair = Pair(control, treatment, (users[0], users[arm]), plan.alpha, float(sum(users)))
        out.append(_expected(key, pair, outcomes, replications))
    return out


def _expected(key: Key, pair: Pair, outcomes: Outcomes, replications: int) -> Expected:
    relative = METHODS[key.method].relative
    coverage: float | None = 1 - pair.alpha
    false_positives = pair.alpha
    if key.method == TRACKS:
        false_positives, coverage = _of_single_tracks(key, pair, outcomes)
    elif key.method == LOOKS_FIXED:
        false_positives = at_any_look(LOOKS, pair.alpha)
    elif key.method == NAIVE:
        coverage = naive_coverage(pair)
    truth = pair.lift if relative else pair.effect
    truth = math.nan if truth is None else truth
    if min(pair.counts) < FEWEST or pair.error <= 0:
        few = "too few users"
        return Expected(false_positives, coverage, ungated=few, ungated_coverage=few, truth=truth)
    signal = abs(pair.effect) / pair.error
    wrong, size = normal.sign_and_size_errors(signal, pair.alpha) if signal > 0 else (None, None)
    return Expected(
        false_positives,
        coverage,
        pair.power(),
        wrong,
        None if relative else size,
        pair.without_effect().why_not_gated(replications),
        (pair.of_lift() if relative else pair).why_not_gated(replications),
        truth,
    )


def naive_coverage(pair: Pair) -> float | None:
    """Of an interval that takes the control's mean as known: .904 for +50 % and CV = 1."""
    right = pair.of_lift().error
    return (
        1 - 2 * normal.below(-normal.quantile(pair.alpha) * pair.error / right) if right else None
    )


def _of_single_tracks(key: Key, pair: Pair, outcomes: Outcomes) -> tuple[float, float]:
    """The rate of false positives, and the coverage, of a test that takes tracks as independent.

    With the design effect deff, how much larger the variance is than such a test believes:
    2 Phi(-z / sqrt(deff)), and 1 less that of both arms.
    """
    group, z = outcomes.group(key.metric, METHODS[key.method].estimand), normal.quantile(pair.alpha)
    believed = []
    for arm, shape in ((0, pair.control), (outcomes.arms.index(key.arm), pair.treatment)):
        tracks = float(outcomes.centres[arm, group.start + 2])
        believed.append(shape.value * (1 - shape.value) / tracks)
    alone = (
        math.sqrt(believed[0] / pair.control.variance) if pair.control.variance > 0 else math.inf
    )
    counts = pair.counts
    both = math.sqrt(believed[0] / counts[0] + believed[1] / counts[1]) / (pair.error or math.inf)
    return 2 * normal.below(-z * alone), 1 - 2 * normal.below(-z * both)
