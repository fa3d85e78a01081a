"""Monitoring: look every day, and keep the error that was promised.

A user enters a look when a fixed window after the first exposure is complete, with the value
frozen: so looks differ only by users who were not there before.

Group-sequential looks share out the error by a plan. Always-valid intervals hold at every look at
once, however many there will be: nobody has to say when looks are taken, or when they end. The
price is width: at the planned number of users such an interval is about half as wide again as a
fixed one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from abbotify.stats.contrast import (
    Contrast,
    Estimate,
    difference,
    symmetric,
    variance_of_difference,
)
from abbotify.stats.group_sequential import SMALLEST_STEP, Spending, boundaries, obrien_fleming
from abbotify.stats.normal import best_rho, two_sided_bound

Pair = tuple[Estimate, Estimate]

# Share of the information by which a last look is thought to differ from the one before: smaller
# ones would take many times as many nodes of the integration.
_A_LITTLE: Final = 0.01


@dataclass(frozen=True)
class Look:
    """One look at the effect so far.

    Attributes:
        information: Share of the planned information; None where it has no variance.
        critical: |z| beyond which this look stops; None where it may not stop.
        nominal: Two-sided level of this look taken alone; None likewise.
        effect: Treatment minus control with its interval at the nominal level.
        significant: This look crosses its boundary, which is exactly when the interval excludes
            0; None where it may not stop.
        note: Why it may not stop, else empty.
    """

    information: float | None
    critical: float | None
    nominal: float | None
    effect: Contrast
    significant: bool | None
    note: str = ""


@dataclass(frozen=True)
class Monitoring:
    """All looks so far.

    Attributes:
        looks: One per pair given.
        stopped: Number, from 0, of the first look that crosses its boundary; None for none yet.
        spent: Chance, without an effect, to have stopped by the last look.
    """

    looks: tuple[Look, ...]
    stopped: int | None
    spent: float


def planned_information(
    control: Estimate, treatment: Estimate, users: tuple[float, float]
) -> float:
    """1 / variance of the effect at the planned number of users.

    Args:
        control: A pilot, or the experiment's own last look: its variance per user is taken.
        treatment: Likewise; the control's again when the pilot has no treatment.
        users: Planned users, (control, treatment).

    Raises:
        ValueError: When there is no variance, or no users are planned.
    """
    if not min(users) > 0:
        raise ValueError(f"users must be planned for both arms, got {users}")
    variance = 0.0
    for estimate, planned in zip((control, treatment), users, strict=True):
        if estimate.variance is None:
            raise ValueError(f"no variance to plan by: {estimate.note}")
        variance += estimate.variance * estimate.n / planned
    common = sum((b - a) ** 2 for a, b in zip(control.common, treatment.common, strict=True))
    # What adjusted estimates share is an error of the mean of all users' covariates.
    variance += common * (control.n + treatment.n) / sum(users)
    if variance <= 0:
        raise ValueError("no variance to plan by in either arm")
    return 1 / variance


def monitor(
    pairs: Sequence[Pair],
    planned: float,
    alpha: float,
    spending: Spending = obrien_fleming,
    final: bool = False,
) -> Monitoring:
    """Every look's effect with its boundary; over all of them alpha is kept.

    The level of each look, and so its quantile of Student's t, is that of the boundary: with few
    users this holds the error where a critical z would not (Jennison, Turnbull 2000, 3.8).

    Args:
        pairs: (control, treatment) at each look, in order, each over all users by then.
        planned: Information, 1 / squared units of the metric, as `planned_information` gives it.
        alpha: Two-sided error over all looks.
        spending: One side's error by share of information.
        final: The last pair is the last there will be, and spends what is left.

    Raises:
        ValueError: When planned is not positive or alpha not strictly between 0 and 1.

    Source: Lan, DeMets (1983), Biometrika 70; information as 1 / variance.
    """
    if not planned > 0:
        raise ValueError(f"the planned information must be positive, got {planned}")
    shares = [_share(pair, planned) for pair in pairs]
    counted = _growing(shares)
    ends = final and bool(shares) and shares[-1] is not None
    latest = max(counted.values(), default=0.0)
    if ends and len(shares) - 1 not in counted and latest < 1:
        # The last look spends what is left, whatever it brings. As if it brought a little: what
        # hangs together more than is taken into account crosses less often.
        counted[len(shares) - 1] = latest + _A_LITTLE
    ends = ends and len(shares) - 1 in counted
    if not counted:
        return Monitoring(tuple(map(_idle, pairs, shares)), None, 0.0)
    plan = boundaries(list(counted.values()), alpha, spending, ends)
    bounds = dict(zip(counted, zip(plan.critical, plan.nominal, strict=True), strict=True))
    looks = tuple(
        _look(pair, share, *bounds[look]) if look in bounds else _idle(pair, share)
        for look, (pair, share) in enumerate(zip(pairs, shares, strict=True))
    )
    stopped = next((number for number, look in enumerate(looks) if look.significant), None)
    return Monitoring(looks, stopped, plan.spent[-1])


def _share(pair: Pair, planned: float) -> float | None:
    control, treatment = pair
    if control.variance is None or treatment.variance is None:
        return None
    variance = variance_of_difference(control, treatment)
    return None if variance <= 0 else 1 / variance / planned


def _growing(shares: Sequence[float | None]) -> dict[int, float]:
    """The looks that bring new information: variances are estimates, so some may seem not to."""
    counted, last = dict[int, float](), 0.0
    for look, share in enumerate(shares):
        if share is not None and share - last >= SMALLEST_STEP:
            counted[look] = last = share
    return counted


def _look(pair: Pair, share: float | None, critical: float | None, nominal: float | None) -> Look:
    if critical is None or nominal is None:
        spent = share is not None and share > 1
        reason = "all error is spent" if spent else "next to no error may be spent yet"
        return _idle(pair, share, reason)
    effect = difference(*pair, nominal)
    significant = None if effect.p_value is None else effect.p_value < nominal
    return Look(share, critical, nominal, effect, significant)


def _idle(pair: Pair, share: float | None, reason: str = "") -> Look:
    """A look that may not stop: the effect as far as it is defined, without intervals."""
    effect = difference(*pair, 0.5)
    reason = reason or (effect.note if share is None else "no new information since the last look")
    return Look(share, None, None, Contrast(effect.effect, note=reason), None, reason)


@dataclass(frozen=True)
class ValidLook:
    """One look at the effect so far.

    Attributes:
        n: Users of both arms.
        effect: Treatment minus control with its always-valid interval; the p-value is this
            look's.
        p_value: The least p-value of the looks so far, itself valid whenever one stops.
        significant: p_value < alpha: some interval up to now excludes 0.
    """

    n: int
    effect: Contrast
    p_value: float | None
    significant: bool | None


def always_valid(
    pairs: Sequence[tuple[Estimate, Estimate]], planned_users: float, alpha: float
) -> tuple[ValidLook, ...]:
    """Every look's interval and p-value; over all looks, ever, the error is alpha.

    Half-width sd sqrt(2 (n r + 1) / (n^2 r) log(sqrt(n r + 1) / alpha)) with n users of both
    arms, sd = standard error * sqrt(n), and r = 1 / `best_rho(planned_users, alpha)`. It excludes
    0 exactly when the look's p-value, the inverse of the mixture's likelihood ratio (mSPRT), is
    below alpha. It is asymptotic: the first look needs the users of a normal approximation.

    Args:
        pairs: (control, treatment) at each look, in order, each over all users by then.
        planned_users: Users of both arms at which the interval is to be narrowest.
        alpha: Two-sided error over all looks.

    Raises:
        ValueError: When planned_users is not positive or alpha not strictly between 0 and 1.

    Source: Waudby-Smith et al., arXiv 2103.06476; Johari, Koomen, Pekelis, Walsh (2022),
    Operations Research 70, for the p-value.
    """
    rho = best_rho(planned_users, alpha)
    looks, least = list[ValidLook](), None
    for control, treatment in pairs:
        effect = _interval(control, treatment, rho, alpha)
        if effect.p_value is not None:
            least = effect.p_value if least is None else min(least, effect.p_value)
        n = control.n + treatment.n
        looks.append(ValidLook(n, effect, least, None if least is None else least < alpha))
    return tuple(looks)


def _interval(control: Estimate, treatment: Estimate, rho: float, alpha: float) -> Contrast:
    plain = difference(control, treatment, alpha)
    if plain.effect is None or plain.statistic is None:
        return plain
    n = control.n + treatment.n
    critical = two_sided_bound(n, rho, alpha) / math.sqrt(n)
    evidence = 0.5 * (plain.statistic**2 * n / (n + rho) + math.log(rho / (n + rho)))
    error = math.sqrt(variance_of_difference(control, treatment))
    return symmetric(plain.effect, error, critical, min(1.0, math.exp(-evidence)))
