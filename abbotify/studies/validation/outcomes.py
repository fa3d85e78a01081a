"""Stored potential outcomes as columns, ready to be added up again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.sessions import FloatArray
from abbotify.metrics.definitions import METRICS, PRE
from abbotify.metrics.users import Population, UserTable, covariate_columns
from abbotify.stats import Moments, cuped_means, cuped_ratios, mean, ratio_of_sums
from abbotify.stats.effects import MEAN, RATIO, Estimator, deciding_estimand
from abbotify.stats.regression import square_root

Rows = npt.NDArray[np.bool_]

EXPOSED = "exposed"  # the group that only counts


@dataclass(frozen=True)
class Group:
    """Variables of one estimand, over the users for whom they are defined.

    Attributes:
        metric: whose; `EXPOSED` for the count of exposed users.
        estimand: "mean" or "ratio".
        start: the column that is 1 for users who count, 0 for others; the variables follow.
        variables: how many: the metric's own, then its covariates'.
    """

    metric: str
    estimand: str
    start: int
    variables: int

    @property
    def own_variables(self) -> int:
        """How many of the variables are the metric's own."""
        return 2 if self.estimand == RATIO else min(self.variables, 1)

    @property
    def adjusted(self) -> bool:
        """Whether it has covariates."""
        return self.variables > self.own_variables

    @property
    def columns(self) -> slice:
        """The columns of the variables."""
        return slice(self.start + 1, self.start + 1 + self.variables)


@dataclass(frozen=True)
class Shape:
    """How an estimate's parts are distributed over the users of one arm.

    A user's part is what the user moves the estimate by, times the users: for a mean the value
    less the mean, for a ratio the residual over the mean denominator, for an adjusted estimate
    what the regression leaves.

    Attributes:
        share: of the pool's users for whom it is defined.
        value: of the estimate over all of them, the truth.
        variance: of the parts.
        third: third cumulant.
        fourth: fourth cumulant.
        common: how far a standardised user of the covariates moves the estimate: their overall
            mean, which all arms are read at, is known from the experiment's users alone.
    """

    share: float
    value: float
    variance: float
    third: float
    fourth: float
    common: tuple[float, ...] = ()

    @property
    def skewness(self) -> float:
        """Of the parts; 0 without variance."""
        return self.third / self.variance**1.5 if self.variance > 0 else 0.0

    @classmethod
    def of(cls, parts: FloatArray, share: float, value: float, common: tuple[float, ...]) -> Shape:
        """The shape of users' parts."""
        centred = parts - parts.mean()
        squares = centred * centred
        variance = float(squares.mean())
        fourth = float((squares * squares).mean()) - 3 * variance**2
        return cls(share, value, variance, float((squares * centred).mean()), fourth, common)

    def scaled(self, factor: float) -> Shape:
        """Of the estimate times a factor."""
        return Shape(
            self.share,
            self.value * factor,
            self.variance * factor**2,
            self.third * factor**3,
            self.fourth * factor**4,
            tuple(factor * each for each in self.common),
        )


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What every user of a pool would do under every arm.

    Attributes:
        arms: names, the control first.
        groups: the variables; the last group counts the exposed.
        values: float64 (arms, users, columns): variables less their centres, 0 where undefined.
        centres: float64 (arms, columns): means under each arm, so that sums lose no digits.
        left_out: metric -> why nothing can be measured on it.
    """

    arms: tuple[str, ...]
    groups: tuple[Group, ...]
    values: FloatArray
    centres: FloatArray
    left_out: Mapping[str, str]

    @property
    def users(self) -> int:
        """How many users experiments are drawn from."""
        return int(self.values.shape[1])

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that are measured, in their order."""
        return tuple(g.metric for g in self.groups if g.estimand == MEAN and g.metric != EXPOSED)

    def group(self, metric: str, estimand: str) -> Group:
        """The variables of an estimand of a metric."""
        return next(g for g in self.groups if (g.metric, g.estimand) == (metric, estimand))

    def alone(self, metric: str, adjusted: bool = False) -> Outcomes:
        """The values of a metric, with its covariates or without, and nothing else."""
        group = self.group(metric, MEAN)
        variables = group.variables if adjusted else 1
        kept = slice(group.start, group.start + 1 + variables)
        values = np.ascontiguousarray(self.values[:, :, kept])
        alone = Group(metric, MEAN, 0, variables)
        return Outcomes(self.arms, (alone,), values, self.centres[:, kept], {})

    def deciding(self, metric: str, estimator: Estimator) -> str:
        """The estimand that decides on a metric."""
        return deciding_estimand(estimator, self.group(metric, MEAN).adjusted)

    def defined(self, group: Group, arm: int) -> Rows:
        """Who counts under an arm: bool (users,)."""
        return self.values[arm, :, group.start] > 0

    def moments(self, group: Group, arm: int) -> Moments:
        """The moments of all users under an arm."""
        kept = self.values[arm][self.defined(group, arm)][:, group.columns]
        centred = Moments.of(kept)
        centres = self.centres[arm, group.columns]
        return Moments(centred.n, centred.mean + centres, centred.comoments)

    def shapes(self, group: Group, adjusted: bool) -> list[Shape]:
        """The shape of an estimate under every arm, the control first."""
        arms, ratio = range(len(self.arms)), group.estimand == RATIO
        moments = [self.moments(group, arm) for arm in arms]
        fit = (cuped_ratios if ratio else cuped_means)(moments) if adjusted else None
        shapes, root = [], np.zeros((0, 0))
        for arm in arms:
            means = moments[arm].mean
            columns = self.values[arm][self.defined(group, arm)][:, group.columns]
            columns = _residuals(columns, means) if ratio else columns
            parts, common = columns[:, 0], tuple[float, ...]()
            if fit is not None:
                for column, slope in zip(columns.T[1:], fit.slopes[arm].tolist(), strict=True):
                    parts = parts - slope * column
                if arm == 0:  # users have the same covariates under all arms
                    root = square_root(Moments.of(columns[:, 1:]).covariance)
                common = tuple((root * fit.slopes[arm][:, None]).sum(axis=0).tolist())
            value = float(means[0]) / (float(means[1]) if ratio else 1.0)
            shapes.append(Shape.of(parts, len(parts) / self.users, value, common))
        return shapes


def _residuals(columns: FloatArray, means: FloatArray) -> FloatArray:
    """What users move ratios by, of numerators and denominators less their means, in turn."""
    out = np.zeros((len(columns), len(means) // 2))
    for at, denominator in enumerate(means[1::2].tolist()):
        if denominator:
            ratio = means[2 * at] / denominator
            out[:, at] = (columns[:, 2 * at] - ratio * columns[:, 2 * at + 1]) / denominator
    return out


def stored(
    arms: Sequence[str],
    users: Mapping[str, UserTable],
    metrics: Sequence[str],
    population: Population = "exposed",
    covariates: Mapping[str, FloatArray] = MappingProxyType({}),
) -> Outcomes:
    """The columns of stored outcomes.

    Args:
        arms: names, the control first.
        users: arm -> all users, had everybody been under it.
        metrics: those wanted; ones that are no column, or that do not vary under the control, are
            left out.
        population: over whom means are. The pool is all who belong to it under some arm.
        covariates: name -> values of the users, NaN where unknown, that means are adjusted for;
            default each one's own from the days before.

    Raises:
        ValueError: nobody belongs to the population.
    """
    tables = [users[arm] for arm in arms]
    pool = np.logical_or.reduce([table.members(population) for table in tables])
    if not pool.any():
        raise ValueError("no user takes part under any arm")
    known = covariate_columns(covariates)
    left_out: dict[str, str] = {}
    groups: list[Group] = []
    blocks: list[FloatArray] = []
    for metric in metrics:
        if metric not in tables[0].values:
            left_out[metric] = "not measured in this world"
            continue
        for estimand in (MEAN, RATIO) if METRICS[metric].ratio is not None else (MEAN,):
            block = np.stack([_variables(t, metric, estimand, population, known) for t in tables])
            if _varies(estimand, block[0, pool]):
                start = groups[-1].columns.stop if groups else 0
                groups.append(Group(metric, estimand, start, block.shape[2]))
                blocks.append(block[:, pool])
            elif estimand == MEAN:
                left_out[metric] = f"the same for all users under {arms[0]}"
                break
    return _laid_out(
        tuple(arms), groups, blocks, [table.exposed[pool] for table in tables], left_out
    )


def _variables(
    table: UserTable,
    metric: str,
    estimand: str,
    population: Population,
    known: Sequence[FloatArray],
) -> FloatArray:
    """A metric's own variables and its covariates: (users, variables), NaN where undefined."""
    if estimand == MEAN:
        values = table.column(metric, population)
        counts = table.members(population) & ~np.isnan(values)
        # What says that a covariate is unknown is of use where one is.
        columns = [
            column
            for at, column in enumerate(table.covariates(metric, known))
            if at % 2 == 0 or column.any()
        ]
        columns.insert(0, values)
    else:
        parts = METRICS[metric].ratio or ()
        names = [*parts, *(PRE + part for part in parts)]
        columns = [table.values[name] for name in names if name in table.values]
        counts = table.members("exposed")
    return np.where(counts[:, None], np.stack(columns, 1), np.nan)


def _varies(estimand: str, control: FloatArray) -> bool:
    own = control[~np.isnan(control[:, 0])][:, : 2 if estimand == RATIO else 1]
    estimate = (ratio_of_sums if estimand == RATIO else mean)(Moments.of(own))
    return estimate.variance is not None and estimate.variance > 0


def _laid_out(
    arms: tuple[str, ...],
    groups: Sequence[Group],
    blocks: Sequence[FloatArray],
    exposed: Sequence[Rows],
    left_out: Mapping[str, str],
) -> Outcomes:
    """Blocks (arms, users, variables) side by side, and behind them who is exposed."""
    last = groups[-1].columns.stop if groups else 0
    values = np.zeros((len(arms), len(exposed[0]), last + 1))
    centres = np.zeros((len(arms), last + 1))
    values[:, :, last] = exposed
    for group, block in zip(groups, blocks, strict=True):
        for arm, columns in enumerate(block):
            defined = ~np.isnan(columns[:, 0])
            means = Moments.of(columns[defined]).mean
            values[arm, :, group.start] = defined
            values[arm, :, group.columns] = np.where(defined[:, None], columns - means, 0.0)
            centres[arm, group.columns] = means
    return Outcomes(arms, (*groups, Group(EXPOSED, MEAN, last, 0)), values, centres, left_out)
