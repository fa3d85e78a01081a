"""What a document is made from: what was found, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from abbotify.metrics.aggregates import UserAggregates
from abbotify.metrics.outcomes import Truth
from abbotify.metrics.session_totals import Limits, SessionTotals
from abbotify.report import monitoring
from abbotify.report.pictures import Training
from abbotify.report.result import Check
from abbotify.report.user_level_effects import Details
from abbotify.stats.non_inferiority import GuardrailSpec

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
class Asked:
    """What a report is to be about.

    Attributes:
        metrics: those to report; the ones the users' table has not are told as undetermined.
        success: those that decide.
        rails: the guardrails.
        looking: how the experiment is watched; the users' aggregates have what it takes.
        limits: above which an arm's experiment is invalid.
    """

    metrics: Sequence[str]
    success: Sequence[str]
    rails: Sequence[GuardrailSpec] = ()
    looking: monitoring.Plan | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class ReportInputs:
    """What was found.

    Attributes:
        users: all of them, aggregated over the arms and metrics and the run's population.
        tally: of all sessions, with the same arms first.
        further: name of another experiment -> the same users, judged by all of its arms.
        details: what was found in the values of all users.
        trainings: name of an arm that learns -> its trainings in order.
        truth: outcomes of the run's users under every arm, in each form.
        titles: title and artist of a track id.
        checks: what the reader of the log found.
    """

    users: UserAggregates
    tally: SessionTotals
    further: Mapping[str, UserAggregates] = field(default_factory=dict)
    details: Details = field(default_factory=Details)
    trainings: Mapping[str, Sequence[Training]] = field(default_factory=dict)
    truth: Sequence[Truth] = ()
    titles: Titles | None = None
    checks: Sequence[Check] = ()
