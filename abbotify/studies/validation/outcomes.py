"""Stored potential outcomes as columns, ready to be added up again and again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.sessions import FloatArray
from abbotify.metrics.definitions import METRICS, PRE
from abbotify.metrics.users import Population, UserTable
from abbotify.stats import Moments, mean, ratio_of_sums, with_indicator
from abbotify.stats.effects import MEAN, RATIO, Estimator, deciding_estimand

Rows = npt.NDArray[np.bool_]
Part = tuple[str, str, list[FloatArray]]  # metric, estimand, for each arm (users, variables)

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
    def columns(self) -> slice:
        """The columns of the variables."""
        return slice(self.start + 1, self.start + 1 + self.variables)


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
        group = self.group(metric, MEAN)
        return deciding_estimand(estimator, group.variables > group.own_variables)

    def defined(self, group: Group, arm: int) -> Rows:
        """Who counts under an arm: bool (users,)."""
        return self.values[arm, :, group.start] > 0

    def moments(self, group: Group, arm: int) -> Moments:
        """The moments of all users under an arm."""
        kept = self.values[arm][self.defined(group, arm)][:, group.columns]
        centred = Moments.of(kept)
        centres = self.centres[arm, group.columns]
        return Moments(centred.n, centred.mean + centres, centred.comoments)


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
    members = [table.members(population) for table in tables]
    pool = np.logical_or.reduce(members)
    if not pool.any():
        raise ValueError("no user takes part under any arm")
    left_out: dict[str, str] = {}
    parts: list[Part] = []
    known, counting = list(map(_filled, covariates.values())), (population, members, pool)
    for metric in metrics:
        if metric not in tables[0].values:
            left_out[metric] = "not measured in this world"
            continue
        estimands = [
            (metric, estimand, _variables(tables, metric, estimand, *counting, known))
            for estimand in _estimands(metric)
        ]
        varying = [part for part in estimands if _varies(part[1], part[2][0])]
        if not varying or varying[0][1] != MEAN:
            left_out[metric] = f"the same for all users under {arms[0]}"
            continue
        parts += varying
    return _laid_out(tuple(arms), parts, [table.exposed[pool] for table in tables], left_out)


def _estimands(metric: str) -> tuple[str, ...]:
    return (MEAN, RATIO) if METRICS[metric].ratio is not None else (MEAN,)


def _variables(
    tables: Sequence[UserTable],
    metric: str,
    estimand: str,
    population: Population,
    members: Sequence[Rows],
    pool: Rows,
    known: Sequence[FloatArray],
) -> list[FloatArray]:
    """For each arm float64 (pool, variables), rows of NaN for users who do not count."""
    out = []
    for table, member in zip(tables, members, strict=True):
        if estimand == MEAN:
            block = table.column(metric, population)[:, None]
            counts = member & ~np.isnan(block[:, 0])
        else:
            block = np.stack([table.values[part] for part in METRICS[metric].ratio or ()], 1)
            counts = table.members("exposed")
        block = np.concatenate([block, *_covariates(table, metric, estimand, known)], axis=1)
        out.append(np.where(counts[:, None], block, np.nan)[pool])
    return out


def _covariates(
    table: UserTable, metric: str, estimand: str, known: Sequence[FloatArray]
) -> Iterator[FloatArray]:
    """What is known from before the experiment, defined for everybody."""
    if estimand == RATIO:
        parts = [PRE + part for part in METRICS[metric].ratio or ()]
        if all(part in table.values for part in parts):
            yield np.stack([table.values[part] for part in parts], 1)
    elif known:
        yield from known
    elif PRE + metric in table.values:
        yield _filled(table.values[PRE + metric])


def _filled(covariate: FloatArray) -> FloatArray:
    """A covariate, with an indicator where it is undefined for some."""
    both = with_indicator(covariate)
    return both if both[:, 1].any() else both[:, :1]


def _varies(estimand: str, control: FloatArray) -> bool:
    defined = control[~np.isnan(control[:, 0])]
    if estimand == RATIO:
        estimate = ratio_of_sums(Moments.of(defined[:, :2]))
    else:
        estimate = mean(Moments.of(defined[:, :1]))
    return estimate.variance is not None and estimate.variance > 0


def _laid_out(
    arms: tuple[str, ...],
    parts: Sequence[Part],
    exposed: Sequence[Rows],
    left_out: Mapping[str, str],
) -> Outcomes:
    groups, start = [], 0
    for metric, estimand, blocks in parts:
        groups.append(Group(metric, estimand, start, blocks[0].shape[1]))
        start += 1 + groups[-1].variables
    values = np.zeros((len(arms), len(exposed[0]), start + 1))
    centres = np.zeros((len(arms), start + 1))
    values[:, :, start] = exposed
    for group, (_, _, blocks) in zip(groups, parts, strict=True):
        for arm, block in enumerate(blocks):
            defined = ~np.isnan(block[:, 0])
            means = Moments.of(block[defined]).mean
            values[arm, :, group.start] = defined
            values[arm, :, group.columns] = np.where(defined[:, None], block - means, 0.0)
            centres[arm, group.columns] = means
    return Outcomes(arms, (*groups, Group(EXPOSED, MEAN, start, 0)), values, centres, left_out)
