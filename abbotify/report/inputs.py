"""What a result is made from, and what it is to be about."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from abbotify.errors import UserError
from abbotify.metrics.aggregates import Truth, UserAggregates
from abbotify.metrics.definitions import METRICS, SUCCESS, Limits
from abbotify.metrics.session_totals import SessionTotals
from abbotify.report.monitoring import MonitoringPlan
from abbotify.report.result import Check
from abbotify.report.result_rows import Training
from abbotify.report.user_level_effects import UserLevelEffects
from abbotify.stats.effects import Estimator
from abbotify.stats.non_inferiority import PERCENT, GuardrailSpec

Titles = Callable[[int], tuple[str | None, str | None]]


@dataclass(frozen=True)
class ArmInfo:
    """What is known of an arm without its users.

    Attributes:
        name: as in the file.
        label: C, T1, ...
        recommender: its name, where known.
        weight: its share of users, on any scale; None where unknown.
    """

    name: str
    label: str
    recommender: str | None = None
    weight: float | None = None


@dataclass(frozen=True)
class Question:
    """The metrics that decide on a log, the guardrails, and the estimator of the decision."""

    success: tuple[str, ...] = (SUCCESS,)
    rails: tuple[GuardrailSpec, ...] = ()
    estimator: Estimator = "auto"

    def plain(self) -> dict[str, Any]:
        """The same as a scenario says it."""
        rails = [
            {"metric": rail.metric, ("margin" if rail.unit == PERCENT else "absolute"): rail.margin}
            for rail in self.rails
        ]
        return {"success": list(self.success), "guardrails": rails, "estimator": self.estimator}

    def refuse_undetermined(self, columns: Collection[str], earlier: bool) -> None:
        """Refuses what a log does not determine.

        Args:
            columns: the metrics that it does.
            earlier: whether it has days before the experiment.

        Raises:
            UserError: a metric without values, a guardrail on a success metric, an adjustment
                without earlier days.
        """
        options = [("--success", name) for name in self.success]
        options += [("--guardrail", rail.metric) for rail in self.rails]
        for option, name in options:
            if name not in columns:
                known = ", ".join(each for each in METRICS if each in columns)
                raise UserError(f"{name} is not determined by this log; it has {known}", key=option)
        for rail in self.rails:
            if rail.metric in self.success:
                what = f"{rail.metric} is a success metric, which may not be worse at all"
                raise UserError(what, key="--guardrail")
        if self.estimator == "cuped" and not earlier:
            what = "cuped needs days before the experiment, which this log does not have"
            raise UserError(what, key="--estimator")


@dataclass(frozen=True)
class ReportSpec:
    """What a report is to be about.

    Attributes:
        metrics: those to report; the ones the users' table has not are named as undetermined.
        success: those that decide.
        guardrails: those that must not get worse.
        monitoring: how looks are taken; the users' aggregates have what it takes.
        limits: above which an arm's experiment is invalid.
    """

    metrics: Sequence[str]
    success: Sequence[str]
    guardrails: Sequence[GuardrailSpec] = ()
    monitoring: MonitoringPlan | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class ReportInputs:
    """What a report is made from.

    Attributes:
        users: all of them, aggregated over the arms and metrics and the run's population.
        sessions: totals of all of them, with the same arms first.
        further: name of another experiment -> the same users, by all of its arms.
        user_level: what the values of all users give.
        trainings: name of an arm that learns -> its trainings in order.
        truth: outcomes of the run's users under every arm, in each form.
        titles: title and artist of a track id.
        checks: of the log.
    """

    users: UserAggregates
    sessions: SessionTotals
    further: Mapping[str, UserAggregates] = field(default_factory=dict)
    user_level: UserLevelEffects = field(default_factory=UserLevelEffects)
    trainings: Mapping[str, Sequence[Training]] = field(default_factory=dict)
    truth: Sequence[Truth] = ()
    titles: Titles | None = None
    checks: Sequence[Check] = ()
