"""What the users of a control say of each metric before an experiment, with and without CUPED."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify import stats
from abbotify.metrics.definitions import METRICS, PRE
from abbotify.metrics.users import Population, UserTable
from abbotify.sessions import FloatArray
from abbotify.stats.effects import MEAN, RATIO
from abbotify.stats.power import Pilot

SCALE: Final = "scale"  # a lift multiplies users' values, and so their standard deviation
SHIFT: Final = "shift"  # it adds to them

NO_PRE_PERIOD: Final = "no pre-period"
_Mask = npt.NDArray[np.bool_]


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
    users: UserTable, metrics: Sequence[str], population: Population = "exposed"
) -> tuple[Piloted, ...]:
    """Every metric without and with CUPED, its mean before its ratio.

    The variance with CUPED is that of the residuals of the estimator's own regression: on the
    metric's value before the experiment and on whether it has one.

    Args:
        users: everybody under the control.
        metrics: names; ones that are no column of the table are left out.
        population: over whom; ratios of sums are over the exposed in any case.

    Source: Deng, Xu, Kohavi, Walker (2013), WSDM; ratios by Deng, Knoblich, Lu (2018), arXiv
    1803.06336.
    """
    judged, exposed = users.members(population), users.members("exposed")
    found: list[Piloted] = []
    for name in metrics:
        if name not in users.values:
            continue
        everybody = int(np.count_nonzero(judged))
        for estimand, raw, adjusted in _estimates(users, name, population, judged, exposed):
            found += _both(name, estimand, raw, adjusted, everybody)
    return tuple(found)


def _estimates(
    users: UserTable, name: str, population: Population, judged: _Mask, exposed: _Mask
) -> Iterator[tuple[str, stats.Estimate, stats.Adjusted | None]]:
    """(estimand, estimate without CUPED, with it or None without days before)."""
    column = users.column(name, population)
    defined = judged & ~np.isnan(column)
    values, before = column[defined], users.values.get(PRE + name)
    yield MEAN, *_means(values, None if before is None else before[defined])
    ratio = METRICS[name].ratio
    if ratio is not None:
        after = np.stack([users.values[part][exposed] for part in ratio], axis=1)
        yield RATIO, *_ratios(after, _before(users, ratio, exposed))


def _means(
    values: FloatArray, before: FloatArray | None
) -> tuple[stats.Estimate, stats.Adjusted | None]:
    raw = stats.mean(stats.Moments.of(values))
    if before is None:
        return raw, None
    table = np.concatenate([values[:, None], stats.with_indicator(before)], axis=1)
    return raw, stats.cuped_means([stats.Moments.of(table)])


def _ratios(
    after: FloatArray, before: FloatArray | None
) -> tuple[stats.Estimate, stats.Adjusted | None]:
    raw = stats.ratio_of_sums(stats.Moments.of(after))
    if before is None:
        return raw, None
    table = np.concatenate([after, before], axis=1)
    return raw, stats.cuped_ratios([stats.Moments.of(table)])


def _before(users: UserTable, ratio: Sequence[str], exposed: _Mask) -> FloatArray | None:
    parts = [users.values.get(PRE + part) for part in ratio]
    if any(part is None for part in parts):
        return None
    return np.stack([part[exposed] for part in parts if part is not None], axis=1)


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
