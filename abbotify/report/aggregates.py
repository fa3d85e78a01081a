"""What a report needs of its users, as sums that merge: a shard's are made, then forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify import stats
from abbotify.events import ARM
from abbotify.metrics.definitions import METRICS, PRE, Metric
from abbotify.metrics.users import Population, UserTable
from abbotify.report.watching import Watched, Watching, joined, watched
from abbotify.sessions import FloatArray

Rows = npt.NDArray[np.bool_]

CURVE_METRIC: Final = "mean_time_per_session"


@dataclass(frozen=True)
class ArmUsers:
    """An arm's users.

    Attributes:
        moments: what the estimators need.
        exposed: users with a session of the experiment.
        assigned: users, whether they came or not.
        sessions: of the exposed.
        tracks: of the exposed.
        curve: the defined values of `CURVE_METRIC` of the exposed, in parts; 8 bytes a user.
    """

    moments: stats.ArmMoments
    exposed: int
    assigned: int
    sessions: int
    tracks: int
    curve: tuple[FloatArray, ...] = ()

    def merge(self, other: ArmUsers) -> ArmUsers:
        """The users of both, this one's moments first."""
        return ArmUsers(
            self.moments.merge(other.moments),
            self.exposed + other.exposed,
            self.assigned + other.assigned,
            self.sessions + other.sessions,
            self.tracks + other.tracks,
            self.curve + other.curve,
        )


@dataclass(frozen=True)
class UserAggregates:
    """All that a report needs of some users.

    Attributes:
        arms: the control first.
        names: of all arms of the column, of which these are the first ones.
        columns: the determined ones of the users' table.
        absent: users in one arm, even one that is not among these, who never came.
        in_two_arms: users who were seen in two, and are part of none.
        watched: how the arms' users came and went, where that was asked for.
    """

    arms: tuple[ArmUsers, ...]
    names: tuple[str, ...]
    columns: tuple[str, ...]
    absent: int
    in_two_arms: int
    watched: Watched = ()

    def merge(self, other: UserAggregates) -> UserAggregates:
        """The aggregates of both.

        The order of merging shows in the last bits of moments: merge in shard order.

        Raises:
            ValueError: they are about different arms or columns.
        """
        about = (len(self.arms), self.names, self.columns)
        if about != (len(other.arms), other.names, other.columns):
            raise ValueError("aggregates of different arms or columns do not merge")
        return UserAggregates(
            tuple(one.merge(two) for one, two in zip(self.arms, other.arms, strict=True)),
            self.names,
            self.columns,
            self.absent + other.absent,
            self.in_two_arms + other.in_two_arms,
            joined(self.watched, other.watched),
        )


def aggregate(
    users: UserTable,
    arms: int,
    metrics: Sequence[str],
    population: Population,
    curve: bool = True,
    watching: Watching | None = None,
    covariates: Mapping[str, FloatArray] = MappingProxyType({}),
) -> UserAggregates:
    """The aggregates of some users.

    Args:
        users: all of them, or a shard whose aggregates are merged with the others' in order.
        arms: how many of the first arms of the column `arm` are compared, the control included.
        metrics: those to report; ones that are no column of the table are left out.
        population: over whom; ratios of sums are over the exposed in any case.
        curve: keep the values whose distribution is drawn.
        watching: what is watched day by day; needs the users' courses.
        covariates: name -> values of the users, NaN where unknown, that means are adjusted for;
            default each one's own from the days before.
    """
    label, exposed = users.arms[ARM], users.members("exposed")
    assigned = users.members("assigned")
    judged = assigned if population == "assigned" else exposed
    names = [name for name in metrics if name in users.values]
    return UserAggregates(
        tuple(
            ArmUsers(
                _moments(
                    users,
                    names,
                    population,
                    judged & own,
                    exposed & own,
                    label.names[code],
                    covariates,
                ),
                int(np.count_nonzero(exposed & own)),
                int(np.count_nonzero(assigned & own)),
                int(users.values["sessions"][exposed & own].sum()),
                int(users.values["tracks"][exposed & own].sum()),
                (_defined(users.values[CURVE_METRIC][exposed & own]),) if curve else (),
            )
            for code in range(arms)
            for own in (label.codes == code,)
        ),
        label.names,
        tuple(users.values),
        int(np.count_nonzero(assigned & ~users.exposed)),
        users.in_two_arms.get(ARM, 0),
        () if watching is None else watched(users, arms, watching),
    )


def _moments(
    users: UserTable,
    metrics: Sequence[str],
    population: Population,
    judged: Rows,
    exposed: Rows,
    arm: str,
    covariates: Mapping[str, FloatArray],
) -> stats.ArmMoments:
    adjusted, adjusted_ratios = {}, {}
    for name in metrics:
        before = _before(users, METRICS[name], covariates)
        if before is not None:
            adjusted[name] = _adjusted(users.column(name, population)[judged], before[judged])
        if PRE + name in users.values and METRICS[name].ratio is not None:
            adjusted_ratios[name] = _ratio(users, METRICS[name], exposed, ("", PRE))
    return stats.ArmMoments(
        arm,
        {
            name: stats.Moments.of(_defined(users.column(name, population)[judged]))
            for name in metrics
        },
        {
            name: _ratio(users, METRICS[name], exposed, ("",))
            for name in metrics
            if METRICS[name].ratio is not None
        },
        adjusted,
        adjusted_ratios,
    )


def _before(
    users: UserTable, metric: Metric, covariates: Mapping[str, FloatArray]
) -> FloatArray | None:
    """What a mean is adjusted for: (users, covariates), all of them defined; None for nothing."""
    if covariates:
        return np.hstack([stats.with_indicator(values) for values in covariates.values()])
    own = users.values.get(PRE + metric.name)
    if own is None:
        return None
    # A sum of the days before is defined for everybody; a mean needs sessions.
    return own[:, None] if metric.kind == "sum" else stats.with_indicator(own)


def _adjusted(values: FloatArray, before: FloatArray) -> stats.Moments:
    """Moments of a metric and its covariates, over the users where it is defined."""
    known = ~np.isnan(values)
    return stats.Moments.of(np.column_stack([values[known], before[known]]))


def _ratio(users: UserTable, metric: Metric, exposed: Rows, when: Sequence[str]) -> stats.Moments:
    """Moments of numerator and denominator, of each of some times."""
    assert metric.ratio is not None, f"{metric.name} is no ratio"
    columns = [users.values[time + part][exposed] for time in when for part in metric.ratio]
    return stats.Moments.of(np.stack(columns, 1))


def _defined(values: FloatArray) -> FloatArray:
    return values[~np.isnan(values)]
