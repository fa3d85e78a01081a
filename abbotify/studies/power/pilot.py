"""What the users of a control say of each metric before an experiment, with and without CUPED."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from abbotify import stats
from abbotify.eventlog.sessions import FloatArray
from abbotify.metrics.aggregates import aggregate
from abbotify.metrics.definitions import METRICS
from abbotify.metrics.users import Population, UserTable
from abbotify.stats.effects import MEAN, RATIO
from abbotify.stats.power import Pilot

SCALE: Final = "scale"  # a lift multiplies users' values, and so their standard deviation
SHIFT: Final = "shift"  # it adds to them

NO_PRE_PERIOD: Final = "no pre-period"


@dataclass(frozen=True)
class Piloted:
    """One metric and estimand, with or without CUPED.

    Attributes:
        metric: its name.
        estimand: "mean" or "ratio".
        cuped: whether the values before the experiment are regressed out.
        model: `SCALE` or `SHIFT`, what a lift does to a user's value.
        n: users with the metric defined.
        share: `n` of all users of the population.
        value: the control's mean or ratio; None where undefined.
        pilot: for `stats.power`; None where nothing can be planned.
        removed: the share of the variance that CUPED removes; None without.
        note: why there is no pilot, else empty.
    """

    metric: str
    estimand: str
    cuped: bool
    model: str
    n: int
    share: float
    value: float | None
    pilot: Pilot | None
    removed: float | None = None
    note: str = ""


def model_of(metric: str) -> str:
    """What a lift does to a user's value.

    A lift of an amount (time, sessions) scales it: who listens twice as long gains twice as much.
    A share cannot be scaled beyond 1, so it is shifted.
    """
    return SCALE if METRICS[metric].unit else SHIFT


def piloted(
    users: UserTable,
    metrics: Sequence[str],
    population: Population = "exposed",
    covariates: Mapping[str, FloatArray] = MappingProxyType({}),
) -> tuple[Piloted, ...]:
    """Every metric without and with CUPED, its mean before its ratio.

    The estimates are the report's own. The variance with CUPED is that of the residuals of its
    regression: on the metric's value before the experiment and on whether it has one, or on the
    covariates given.

    Args:
        users: everybody under the control, which is the first arm.
        metrics: names; ones that are no column of the table are left out.
        population: over whom; ratios of sums are over the exposed in any case.
        covariates: name -> values of the users, NaN where unknown, that means are adjusted for.

    Source: Deng, Xu, Kohavi, Walker (2013), WSDM; ratios by Deng, Knoblich, Lu (2018), arXiv
    1803.06336.
    """
    (control,) = aggregate(users, 1, metrics, population, curve=False, covariates=covariates).arms
    everybody = control.exposed if population == "exposed" else control.assigned
    moments = control.moments
    return tuple(
        row
        for name in metrics
        if name in moments.means
        for estimand, raw, adjusted in _estimates(moments, name)
        for row in _both(name, estimand, raw, adjusted, everybody)
    )


def _estimates(
    control: stats.ArmMoments, name: str
) -> Iterator[tuple[str, stats.Estimate, stats.Adjusted | None]]:
    """(estimand, estimate without CUPED, with it or None without anything from before)."""
    before, ratio_before = control.adjusted.get(name), control.adjusted_ratios.get(name)
    adjusted = None if before is None else stats.cuped_means([before])
    yield MEAN, stats.mean(control.means[name]), adjusted
    if name in control.ratios:
        adjusted = None if ratio_before is None else stats.cuped_ratios([ratio_before])
        yield RATIO, stats.ratio_of_sums(control.ratios[name]), adjusted


def _both(
    metric: str,
    estimand: str,
    raw: stats.Estimate,
    adjusted: stats.Adjusted | None,
    everybody: int,
) -> Iterator[Piloted]:
    model = model_of(metric)
    share = raw.n / everybody if everybody else 0.0

    def row(cuped: bool, estimate: stats.Estimate | None, note: str) -> Piloted:
        plan, why = _pilot(estimate, model) if estimate is not None else (None, note)
        removed = _removed(raw, estimate) if cuped and plan is not None else None
        return Piloted(metric, estimand, cuped, model, raw.n, share, raw.value, plan, removed, why)

    yield row(False, raw, "")
    if adjusted is None:
        yield row(True, None, NO_PRE_PERIOD)
    elif adjusted.notes[0] and raw.variance:
        yield row(True, None, adjusted.notes[0].removesuffix(": not adjusted"))
    else:
        yield row(True, adjusted.estimates[0], "")


def _pilot(estimate: stats.Estimate, model: str) -> tuple[Pilot | None, str]:
    """The pilot, or why there is none."""
    if estimate.value is None or estimate.variance is None:
        return None, estimate.note
    if estimate.variance == 0:
        return None, "no variance"
    if estimate.value == 0:
        return None, "the control is 0: no relative effect"
    return Pilot.of(estimate, multiplicative=model == SCALE), ""


def _removed(raw: stats.Estimate, adjusted: stats.Estimate | None) -> float | None:
    if adjusted is None or adjusted.variance is None or not raw.variance:
        return None
    return 1 - adjusted.variance / raw.variance
