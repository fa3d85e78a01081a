"""How the experiment would have been watched: looks by day, the trend of the effect, returns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from abbotify import stats
from abbotify.metrics.exposure_cohorts import ArmWatched, MonitoringSpec, Watched
from abbotify.report.result_rows import Look, Monitored, Retention, Trend, TrendDay
from abbotify.stats import group_sequential, monitoring
from abbotify.stats.effects import CUPED, Estimator, deciding_estimand
from abbotify.stats.heterogeneity import novelty
from abbotify.stats.sample_ratio import watch_sample_ratio

SPENDING: Final = {
    "obrien_fleming": group_sequential.obrien_fleming,
    "pocock": group_sequential.pocock,
}
_TREND_METRIC: Final = "time"
_UNPLANNED: Final = monitoring.Look(
    *(None, None, None), stats.Contrast(None), None, "no variance to plan by"
)


@dataclass(frozen=True)
class MonitoringPlan:
    """How looks are taken.

    Attributes:
        what: is watched.
        weights: of the arms, the control's first, on any scale; None where unknown.
        planned_users: of all arms together.
        spending: how the error is spent.
        alpha: the run's.
        estimator: which estimate they take, where there is a choice.
    """

    what: MonitoringSpec
    weights: tuple[float, ...] | None
    planned_users: int
    spending: str
    alpha: float
    estimator: Estimator = "mean"

    def monitored(self, watched: Watched) -> Monitored:
        """What all looks at these arms have in common."""
        return Monitored(
            self.what.metric,
            self.what.window_days,
            self.planned_users,
            self.spending,
            self.alpha / self.treatments,
            self.estimand(watched),
        )

    def estimand(self, watched: Watched) -> str:
        """The estimate that looks take: the one that decides on the effect."""
        return deciding_estimand(self.estimator, max(arm.variables for arm in watched) > 1)

    @property
    def treatments(self) -> int:
        """How many there are; 1 where no weights are known."""
        return max(len(self.weights or ()) - 1, 1)


def by_day(watched: Watched, arm: int, plan: MonitoringPlan | None) -> dict[str, Any]:
    """The fields of an arm's row that follow its users day by day."""
    if plan is None or not watched:
        return {}
    returned = retention(watched[arm])
    if arm == 0:
        return {"retention": returned}
    return {
        "looks": looks(watched, plan, arm) or None,
        "trend": trend(watched, plan.what, arm, plan.alpha),
        "retention": returned,
    }


def looks(watched: Watched, plan: MonitoringPlan, treatment: int) -> tuple[Look, ...]:
    """The looks at one treatment, a day each, from the first day with a complete window.

    Args:
        watched: all arms, the control first.
        plan: how looks are taken.
        treatment: the place of the arm.
    """
    days = [day for day in plan.what.days if day - plan.what.window_days + 1 >= plan.what.days[0]]
    adjusted = plan.estimand(watched) == CUPED
    pairs = [_pair(watched, treatment, day - plan.what.window_days + 1, adjusted) for day in days]
    alpha = plan.alpha / (len(watched) - 1)
    users = _planned(plan, len(watched), treatment)
    sequential = _group_sequential(pairs, users, alpha, plan.spending)
    always = monitoring.always_valid(pairs, sum(users), alpha)
    ratio = _sample_ratio(watched, plan, days)
    return tuple(map(_look, days, sequential, always, ratio))


def _pair(watched: Watched, treatment: int, day: int, adjusted: bool) -> monitoring.Pair:
    """Control and treatment over the users whose first session was on that day at the latest."""
    if adjusted:  # by one model over all arms, as the effects are
        variables = max(arm.variables for arm in watched)
        return stats.cuped_means([arm.until(day, variables) for arm in watched]).pair(treatment)
    return stats.mean(watched[0].until(day)), stats.mean(watched[treatment].until(day))


def _planned(plan: MonitoringPlan, arms: int, treatment: int) -> tuple[float, float]:
    weights = plan.weights or (1.0,) * arms
    total = math.fsum(weights)
    shares = (weights[0] / total, weights[treatment] / total)
    return plan.planned_users * shares[0], plan.planned_users * shares[1]


def _group_sequential(
    pairs: Sequence[tuple[stats.Estimate, stats.Estimate]],
    users: tuple[float, float],
    alpha: float,
    how: str,
) -> Sequence[monitoring.Look]:
    """The looks at the pairs; none of them may stop where there is no variance to plan by."""
    known = pairs and all(each.variance is not None for each in pairs[-1])
    if not known or stats.variance_of_difference(*pairs[-1]) <= 0:
        return [_UNPLANNED] * len(pairs)
    planned = monitoring.planned_information(*pairs[-1], users)
    # The experiment's last day is set before it starts: what is left may be spent on it.
    return monitoring.monitor(pairs, planned, alpha, SPENDING[how], final=True).looks


def _sample_ratio(
    watched: Watched, plan: MonitoringPlan, days: Sequence[int]
) -> list[float | None]:
    if plan.weights is None:
        return [None] * len(days)
    counts = [
        [sum(users for first, users in arm.came.items() if first <= day) for arm in watched]
        for day in days
    ]
    return [look.p_value for look in watch_sample_ratio(counts, plan.weights)]


def _look(
    day: int,
    sequential: monitoring.Look,
    always: monitoring.ValidLook,
    sample_ratio: float | None,
) -> Look:
    unplanned = sequential is _UNPLANNED
    return Look(
        day=day,
        users=always.n,
        information=sequential.information,
        effect=always.effect.effect,
        lower=sequential.effect.lower,
        upper=sequential.effect.upper,
        critical=sequential.critical,
        significant=sequential.significant,
        valid_lower=always.effect.lower,
        valid_upper=always.effect.upper,
        valid_p=always.p_value,
        sample_ratio_p=sample_ratio,
        note=always.effect.note or sequential.note if unplanned else sequential.note,
    )


def trend(watched: Watched, what: MonitoringSpec, treatment: int, alpha: float) -> Trend | None:
    """Whether the effect on listened time fades with the days since exposure; None for a day."""
    control, treated = watched[0].trend, watched[treatment].trend
    if what.trend_days < 2:
        return None
    by_day = novelty(control, treated, alpha)
    slope = by_day.relative_trend
    return Trend(
        _TREND_METRIC,
        tuple(TrendDay(lift.effect, lift.lower, lift.upper) for lift in by_day.lifts),
        control.n + treated.n,
        slope.effect,
        slope.lower,
        slope.upper,
        slope.p_value,
        by_day.fading,
        slope.note,
    )


def retention(arm: ArmWatched) -> Retention | None:
    """Who of an arm comes back; None where nobody could within the days."""
    known = [day for day in range(1, len(arm.active)) if arm.active[day, 0] > 0]
    if not known:
        return None
    curve = stats.kaplan_meier(arm.back[:, 0].tolist(), arm.back[:, 1].tolist())
    # The curve ends with the last user; from there on nobody is left to come back.
    away = np.array([*curve.alive, *[curve.alive[-1]] * (known[-1] + 1 - len(curve.alive))])
    return Retention(
        tuple(known),
        tuple(float(arm.active[day, 1] / arm.active[day, 0]) for day in known),
        tuple(float(1 - away[day]) for day in known),
    )
