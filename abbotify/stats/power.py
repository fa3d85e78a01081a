"""Design before the run: users needed, effect that can be detected, power; each from the others.

The power is that of the report's own tests. Welch's and Fieller's decide alike, so a lift of m has
the power of the effect m |control|, whatever the relative interval's width.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from abbotify.stats.contrast import Estimate, check_alpha, t_quantile, welch_df
from abbotify.stats.non_inferiority import check_one_sided
from abbotify.stats.normal import reached

_CERTAIN = 100.0  # standard errors by which an effect this far beyond the boundary is found
FEWEST = 2.0  # users an arm: fewer have no variance


@dataclass(frozen=True)
class Pilot:
    """What is known of one metric before the run.

    Attributes:
        value: The control's mean, or ratio of sums, in the metric's units.
        variance: Of one user under the control, squared units: n times the estimate's sampling
            variance, so that a mean, a ratio and an adjusted mean are planned alike.
        treatment_variance: Of one user under the treatment without an effect; the control's
            when None.
        multiplicative: A treatment multiplies users' values, so its standard deviation grows by
            the same factor as its mean; else it shifts them.
    """

    value: float
    variance: float
    treatment_variance: float | None = None
    multiplicative: bool = False

    def __post_init__(self) -> None:
        if self.multiplicative and self.value == 0:
            raise ValueError("nothing multiplies a value of 0")
        variances = (self.variance, self.variance_at(0.0))
        if not (math.isfinite(self.value) and all(0 < v < math.inf for v in variances)):
            raise ValueError(f"a pilot needs a finite value and positive variances, got {self}")

    @classmethod
    def of(cls, control: Estimate, multiplicative: bool = False) -> Pilot:
        """From the control of an earlier run; raises `ValueError` where it has no variance."""
        if control.value is None or control.variance is None:
            raise ValueError(f"the pilot is undefined: {control.note}")
        return cls(control.value, control.variance * control.n, multiplicative=multiplicative)

    def adjusted(self, correlation: float) -> Pilot:
        """With CUPED: a covariate leaves 1 - correlation^2 of either arm's variance.

        Source: Deng, Xu, Kohavi, Walker (2013), WSDM.
        """
        if not -1 < correlation < 1:
            raise ValueError(f"a correlation must lie between -1 and 1, got {correlation}")
        left = 1 - correlation * correlation
        treated = self.treatment_variance
        return replace(
            self,
            variance=self.variance * left,
            treatment_variance=None if treated is None else treated * left,
        )

    def effect_of(self, lift: float) -> float:
        """A lift, per cent of |control|, in the metric's units."""
        return lift / 100 * abs(self.value)

    def lift_of(self, effect: float) -> float | None:
        """An effect in per cent of |control|; None for a control of 0."""
        return None if self.value == 0 else 100 * effect / abs(self.value)

    def variance_at(self, effect: float) -> float:
        """Of one user under a treatment of that effect."""
        base = self.variance if self.treatment_variance is None else self.treatment_variance
        return base * (1 + effect / self.value) ** 2 if self.multiplicative else base


def power(pilot: Pilot, effect: float, users: tuple[float, float], alpha: float) -> float:
    """The chance of a significant result, on either side, by the noncentral t distribution.

    Equals statsmodels' `TTestIndPower` for equal arms and variances, whose pooled degrees of
    freedom are Welch's there. For h hypotheses under Holm take alpha / h: each then has this power
    at least, whatever the others are.

    Args:
        pilot: The metric.
        effect: True effect in the metric's units.
        users: (control, treatment), at least 2 each, not necessarily whole.
        alpha: Two-sided level.

    Raises:
        ValueError: On fewer users or an alpha outside (0, 1).

    Source: Cohen (1988), Statistical power analysis; degrees of freedom by Satterthwaite (1946).
    """
    from scipy.special import ncfdtr

    _check(alpha, users)
    control, treatment, df = _spread(pilot, effect, users)
    shift = abs(effect) / math.sqrt(control + treatment)
    critical = t_quantile(df, alpha)
    if shift > _CERTAIN + 20 * critical:  # beyond it the distribution is no longer computable
        return 1.0
    # Its square, whose distribution is noncentral F with 1 and df degrees of freedom: scipy's
    # `nctdtr` of the far tail is NaN in a quarter of all cases. Equal to 4e-13 where it is not.
    missed = float(ncfdtr(1, df, shift * shift, critical * critical))
    return 1.0 if math.isnan(missed) else 1 - missed  # NaN at some shifts of 36 to 57


def detectable_effect(
    pilot: Pilot, wanted: float, users: tuple[float, float], alpha: float
) -> float | None:
    """The least positive effect that has the wanted power, in the metric's units.

    The exact inverse of `power`. None when no effect has it: a multiplicative one brings its own
    noise along, and its degrees of freedom fall to those of the treatment alone. So with fewer
    than about 15 users in an arm its power need not rise with it, and what is found has the
    wanted power but need not be the least.

    Args:
        pilot: The metric.
        wanted: Power, above alpha and below 1.
        users: (control, treatment).
        alpha: Two-sided level.

    Raises:
        ValueError: On what `power` refuses, or a power outside (alpha, 1).
    """
    _check(alpha, users, wanted)
    error = math.sqrt(pilot.variance / users[0] + pilot.variance_at(0.0) / users[1])
    return reached(lambda effect: power(pilot, effect, users, alpha), wanted, error)


def sample_size(
    pilot: Pilot,
    effect: float,
    wanted: float,
    alpha: float,
    shares: tuple[float, float] = (0.5, 0.5),
) -> float | None:
    """The users of the whole experiment at which an effect has the wanted power.

    The exact inverse of `power`, so not a whole number: round up. At least `FEWEST` users an arm.
    None when the effect is so small that no number a double holds is enough.

    Args:
        pilot: The metric.
        effect: True effect in the metric's units, not 0.
        wanted: Power, above alpha and below 1.
        alpha: Two-sided level.
        shares: Of all users in the control and in this treatment; their sum is below 1 when there
            are other arms.

    Raises:
        ValueError: On what `power` refuses, an effect of 0, a power outside (alpha, 1) or shares
            that are not positive or exceed 1 together.
    """
    if effect == 0 or not math.isfinite(effect):
        raise ValueError(f"no number of users finds an effect of {effect}")
    if not (min(shares) > 0 and sum(shares) <= 1 + 1e-12):
        raise ValueError(f"shares must be positive and sum to 1 at most, got {shares}")
    _check(alpha, (FEWEST, FEWEST), wanted)
    return _users(lambda users: power(pilot, effect, users, alpha), wanted, shares)


def half_width(pilot: Pilot, lift: float, users: tuple[float, float], alpha: float) -> float:
    """Half the width, per cent of |control|, that the lift's interval will have, to first order.

    Its standard error, that of treatment - (1 + m) control over the control, grows with the lift
    m: sqrt(V1 + (1 + m)^2 V0). It is the precision of the lift, not the power of its test.

    Args:
        pilot: The metric; its value is not 0.
        lift: True lift, per cent.
        users: (control, treatment), at least 2 each.
        alpha: Two-sided level of the interval.

    Raises:
        ValueError: On what `power` refuses, or a control of 0.
    """
    _check(alpha, users)
    if pilot.value == 0:
        raise ValueError("the control is 0: no relative effect")
    effect = pilot.effect_of(lift)
    control, treatment, df = _spread(pilot, effect, users)
    error = math.hypot(math.sqrt(treatment), (1 + effect / pilot.value) * math.sqrt(control))
    return 100 * t_quantile(df, alpha) * error / abs(pilot.value)


def non_inferiority_power(
    pilot: Pilot, margin: float, users: tuple[float, float], alpha: float, ratio: float = 1.0
) -> float:
    """The chance that a guardrail is found non-inferior when the treatment changes nothing.

    The test is that of `guardrails`: one-sided, of treatment - ratio control, with Welch's degrees
    of freedom of the plain difference.

    Args:
        pilot: The metric.
        margin: The largest loss tolerated, in the metric's units, not negative.
        users: (control, treatment), at least 2 each, not necessarily whole.
        alpha: One-sided level.
        ratio: Of treatment to control at the margin where that is relative to the control (.95
            for 5 per cent of a metric that must not fall); 1 where it is absolute.

    Raises:
        ValueError: On a negative margin, fewer users, or an alpha outside (0, .5).

    Source: Julious (2004), Statistics in Medicine 23; Hauschke, Kieser, Diletti, Burke (1999),
    Statistics in Medicine 18, for a relative margin.
    """
    from scipy.special import nctdtr

    check_one_sided(margin, alpha)
    _check(alpha, users)
    control, treatment, df = _spread(pilot, 0.0, users)
    shift = margin / math.sqrt(ratio * ratio * control + treatment)
    critical = t_quantile(df, 2 * alpha)
    if shift > _CERTAIN + 20 * critical:
        return 1.0
    return 1 - float(nctdtr(df, shift, critical))


def non_inferiority_users(
    pilot: Pilot,
    margin: float,
    wanted: float,
    alpha: float,
    shares: tuple[float, float] = (0.5, 0.5),
    ratio: float = 1.0,
) -> float | None:
    """The users of the whole experiment with whom a guardrail has the wanted power.

    The exact inverse of `non_inferiority_power`, not a whole number, at least `FEWEST` an arm.
    None when no number a double holds is enough, such as for a margin of 0.

    Margin, alpha and ratio are those of `non_inferiority_power`; `wanted` is a power above alpha
    and below 1, `shares` are of all users, in the control and in this treatment.

    Raises:
        ValueError: On what `non_inferiority_power` refuses, or a power outside (alpha, 1).
    """
    if not alpha < wanted < 1:
        raise ValueError(f"power must lie between alpha and 1, got {wanted}")
    if margin == 0:
        return None
    return _users(
        lambda users: non_inferiority_power(pilot, margin, users, alpha, ratio), wanted, shares
    )


def _spread(pilot: Pilot, effect: float, users: tuple[float, float]) -> tuple[float, float, float]:
    """The arms' sampling variances and Welch's degrees of freedom of their difference."""
    control, treatment = pilot.variance / users[0], pilot.variance_at(effect) / users[1]
    return control, treatment, welch_df(control, users[0], treatment, users[1])


def _users(
    power_of: Callable[[tuple[float, float]], float], wanted: float, shares: tuple[float, float]
) -> float | None:
    """The users of the whole experiment with the wanted power; None beyond any double."""
    fewest = FEWEST / min(shares)

    def power_with(more: float) -> float:
        total = fewest + more
        # The smallest arm has FEWEST exactly, whatever the rounding of its share.
        return power_of((max(FEWEST, shares[0] * total), max(FEWEST, shares[1] * total)))

    more = reached(power_with, wanted, fewest)
    return None if more is None else fewest + more


def _check(alpha: float, users: tuple[float, float], wanted: float | None = None) -> None:
    check_alpha(alpha)
    if not (min(users) >= FEWEST and max(users) < math.inf):
        raise ValueError(f"each arm needs at least 2 users, got {users}")
    if wanted is not None and not alpha < wanted < 1:
        raise ValueError(f"power must lie between alpha and 1, got {wanted}")
