"""What a report needs of its users, as sums that merge: a shard's are made, then forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from abbotify import stats
from abbotify.eventlog.schema import ARM, NO_ARM
from abbotify.eventlog.sessions import FloatArray
from abbotify.metrics.definitions import METRICS, PRE
from abbotify.metrics.exposure_cohorts import MonitoringSpec, Watched, watched
from abbotify.metrics.users import Population, UserTable, covariate_columns
from abbotify.stats import Moments
from abbotify.stats.moments import Mergeable

Codes = npt.NDArray[np.int16]
ByArm = tuple[stats.Moments, ...]

CURVE_METRIC: Final = "mean_time_per_session"


@dataclass(frozen=True)
class ArmUsers(Mergeable):
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
    curve: list[FloatArray] = field(default_factory=list)


@dataclass(frozen=True)
class UserAggregates(Mergeable):
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


def aggregate(
    users: UserTable,
    arms: int,
    metrics: Sequence[str],
    population: Population,
    curve: bool = True,
    watching: MonitoringSpec | None = None,
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
    assigned, known = users.members("assigned"), covariate_columns(covariates)
    determined = [name for name in metrics if name in users.values]
    moments = _arm_moments(users, arms, determined, population, known)
    return UserAggregates(
        tuple(
            ArmUsers(
                moments[code],
                int(np.count_nonzero(exposed & in_arm)),
                int(np.count_nonzero(assigned & in_arm)),
                int(users.values["sessions"][exposed & in_arm].sum()),
                int(users.values["tracks"][exposed & in_arm].sum()),
                [_defined(users.values[CURVE_METRIC][exposed & in_arm])] if curve else [],
            )
            for code in range(arms)
            for in_arm in (label.codes == code,)
        ),
        label.names,
        tuple(users.values),
        int(np.count_nonzero(assigned & ~users.exposed)),
        users.in_two_arms.get(ARM, 0),
        () if watching is None else watched(users, arms, watching, known),
    )


def _arm_moments(
    users: UserTable,
    arms: int,
    metrics: Sequence[str],
    population: Population,
    known: Sequence[FloatArray],
) -> list[stats.ArmMoments]:
    """What the estimators need of some columns, for each of the first arms."""
    label = users.arms[ARM]
    members = np.where(users.members(population), label.codes, NO_ARM)
    exposed = np.where(users.members("exposed"), label.codes, NO_ARM)
    parts: list[list[dict[str, Moments]]] = [[{}, {}, {}, {}] for _ in range(arms)]
    for name in metrics:
        values, before = users.column(name, population), users.covariates(name, known)
        defined = np.where(np.isnan(values), NO_ARM, members)
        moments = Moments.by_arm([values, *before], defined, arms)
        for (means, _, adjusted, _), arm in zip(parts, moments, strict=True):
            means[name] = arm.leading(1)
            if before:
                adjusted[name] = arm
        ratio, again = METRICS[name].ratio or (), PRE + name in users.values
        columns = [users.values[time + part] for time in ("", PRE)[: 1 + again] for part in ratio]
        moments = Moments.by_arm(columns, exposed, arms) if ratio else ()
        for (_, ratios, _, adjusted), arm in zip(parts, moments, strict=False):
            ratios[name] = arm.leading(2)
            if again:
                adjusted[name] = arm
    return [stats.ArmMoments(name, *part) for name, part in zip(label.names, parts, strict=False)]


def _defined(values: FloatArray) -> FloatArray:
    return values[~np.isnan(values)]


Form = Literal["total", "equal_data"]


@dataclass(frozen=True)
class Joint(Mergeable):
    """The same users under the control and under a treatment.

    Attributes:
        means: metric -> moments of (value under the control, under the treatment), over users of
            the run for whom both are defined.
        ratios: metric -> moments of (numerator, denominator under the control, then under the
            treatment) over exposed users; a user who does not come there counts as 0.
    """

    means: Mapping[str, Moments]
    ratios: Mapping[str, Moments]

    def mean(self, metric: str) -> tuple[float, float] | None:
        """The metric's mean under control and treatment; None without users."""
        moments = self.means.get(metric)
        if moments is None or moments.n == 0:
            return None
        return float(moments.mean[0]), float(moments.mean[1])

    def ratio(self, metric: str) -> tuple[float, float] | None:
        """Its ratio of sums under control and treatment; None where one has no denominator."""
        moments = self.ratios.get(metric)
        if moments is None or moments.mean[1] == 0 or moments.mean[3] == 0:
            return None
        y0, d0, y1, d1 = (float(value) for value in moments.mean)
        return y0 / d0, y1 / d1


@dataclass(frozen=True)
class Truth(Mergeable):
    """The truth in one form.

    Attributes:
        form: which.
        arms: treatment -> its users' outcomes beside those under the control.
        note: what a reader has to know of it.
    """

    form: Form
    arms: Mapping[str, Joint]
    note: str = ""
