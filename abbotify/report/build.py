"""The document of an experiment, from its users and its tally."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from abbotify import stats
from abbotify.metrics.definitions import COLUMNS, METRICS, determined
from abbotify.report import checks, doubts, looks, rounding
from abbotify.report.aggregates import CURVE_METRIC, UserAggregates
from abbotify.report.attendance import WATCHABLE
from abbotify.report.curves import daily, distributions, positions, survival, top_tracks
from abbotify.report.details import Details
from abbotify.report.document import Arm, Check, Document, Moments, Run
from abbotify.report.pictures import Training
from abbotify.report.rails import Rail, guard
from abbotify.report.tally import Tally
from abbotify.report.truths import Truth, truth_rows
from abbotify.stats.effects import MEAN

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


def build(
    *,
    users: UserAggregates,
    tally: Tally,
    scenario: dict[str, Any],
    run: Run,
    arms: Sequence[ArmInfo],
    metrics: Sequence[str],
    success: Sequence[str],
    further: Mapping[str, UserAggregates] | None = None,
    titles: Titles | None = None,
    extra_checks: Sequence[Check] = (),
    trainings: Mapping[str, Sequence[Training]] | None = None,
    rails: Sequence[Rail] = (),
    looking: looks.Plan | None = None,
    details: Details | None = None,
    truth: Sequence[Truth] = (),
) -> Document:
    """The document of an experiment.

    Args:
        users: all users, aggregated over these arms and metrics and the run's population.
        tally: of all sessions, with the same arms first.
        scenario: plain data.
        run: what was run; its alpha and population are those of the analysis.
        arms: the control first, in the order of the codes of the column `arm`.
        metrics: those to report; the ones the users' table has not are told as undetermined.
        success: those that decide.
        further: name of another experiment -> the same users, judged by all of its arms.
        titles: title and artist of a track id.
        extra_checks: what the reader of the log found.
        trainings: name of an arm that learns -> its trainings in order.
        rails: the guardrails.
        looking: how the experiment is watched; the users' aggregates have what it takes.
        details: what was found in the values of all users.
        truth: outcomes of the run's users under every arm, in each form.

    Raises:
        ValueError: arms are not the first ones of the column or of the tally.
    """
    names = [arm.name for arm in arms]
    _refuse_other_arms(names, users.names, tally.arms)
    known = [name for name in metrics if name in users.columns]
    deciding = [name for name in success if name in known]
    moments = [arm.moments for arm in users.arms]
    closer = details or Details()
    compared = stats.compare(moments, known, deciding, run.alpha)
    effects = _ordered([*compared, *closer.effects], names, known)
    built = _arms(users, tally, arms, run, titles, trainings or {}, looking)
    guarded = tuple(guard(moments, [r for r in rails if r.metric in known], run.alpha))
    found = [
        *_checks(users, built, effects, deciding),
        *_doubts(users, built, effects, deciding, run.alpha),
        *doubts.skew(built, closer.shapes, [rail.metric for rail in rails]),
        *doubts.guardrails(guarded),
        *_population(users, run),
        *extra_checks,
        *checks.undetermined(_undetermined(users, metrics)),
        *_further_layers(further or {}, deciding, run),
    ]
    sessions = dict(zip(tally.arms, tally.session_times, strict=True))
    return Document(
        scenario,
        run,
        built,
        effects,
        tuple(found),
        guarded,
        closer.segments,
        looking.monitored if looking is not None and users.watched else None,
        truth_rows(effects, truth, sessions, names[0], run.alpha),
    )


def _ordered(
    rows: Sequence[stats.Effect], arms: Sequence[str], metrics: Sequence[str]
) -> tuple[stats.Effect, ...]:
    """Rows by arm, then metric; estimands as they come."""
    arm = {name: at for at, name in enumerate(arms)}
    metric = {name: at for at, name in enumerate(metrics)}
    return tuple(sorted(rows, key=lambda row: (arm[row.arm], metric[row.metric])))


def _checks(
    users: UserAggregates,
    arms: Sequence[Arm],
    effects: Sequence[stats.Effect],
    success: Sequence[str],
) -> Iterator[Check]:
    yield checks.sample_ratio(
        [arm.name for arm in arms], [arm.users for arm in arms], [arm.weight for arm in arms]
    )
    yield from doubts.watched_ratio(arms)
    yield checks.two_arms(users.in_two_arms)
    yield checks.sizes(arms)
    yield from checks.variance(effects, success)
    yield from checks.counted(arms)


def _doubts(
    users: UserAggregates,
    arms: Sequence[Arm],
    effects: Sequence[stats.Effect],
    success: Sequence[str],
    alpha: float,
) -> Iterator[Check]:
    yield from doubts.balance([arm.moments for arm in users.arms], success)
    yield from doubts.sign_flips(effects, success, alpha)
    yield from doubts.trends(arms)
    if not users.watched:
        yield from doubts.not_watched(success, WATCHABLE)


def _population(users: UserAggregates, run: Run) -> Iterator[Check]:
    if run.population == "assigned":
        yield checks.assigned(users.absent)


def _refuse_other_arms(names: Sequence[str], *known: Sequence[str]) -> None:
    for others in known:
        if list(others[: len(names)]) != list(names):
            raise ValueError(f"arms {list(names)} are not the first ones of {list(others)}")


def _undetermined(users: UserAggregates, metrics: Collection[str]) -> dict[str, str]:
    told = determined(
        lengths="minutes" in users.columns,
        artists="artist_diversity" in users.columns,
        timeouts="timeouts" in users.columns,
        days="retained" in users.columns,
    )
    missing = [name for name in METRICS if name not in users.columns]
    reasons = {name: told.reasons.get(name, "the input has no such values") for name in missing}
    return {name: why for name, why in reasons.items() if name in metrics or name in told.reasons}


def _arms(
    users: UserAggregates,
    tally: Tally,
    arms: Sequence[ArmInfo],
    run: Run,
    titles: Titles | None,
    trainings: Mapping[str, Sequence[Training]],
    looking: looks.Plan | None,
) -> tuple[Arm, ...]:
    histograms = distributions(CURVE_METRIC, [own.curve for own in users.arms])
    return tuple(
        Arm(
            name=arm.name,
            label=arm.label,
            control=code == 0,
            users=own.exposed,
            recommender=arm.recommender,
            weight=arm.weight,
            # A log knows only of those who came.
            assigned=None if run.source == "log" else own.assigned,
            sessions=own.sessions,
            tracks=own.tracks,
            metrics={name: _told(found) for name, found in own.moments.means.items()},
            distribution=histograms[code],
            survival=survival(tally, code),
            daily=daily(tally, code, run.alpha),
            top_tracks=top_tracks(tally, code, titles),
            counters={name: int(each[code]) for name, each in tally.counters.items()} or None,
            by_position=positions(tally, code),
            trainings=tuple(trainings.get(arm.name, ())) or None,
            **_watched(users, code, looking),
        )
        for code, (arm, own) in enumerate(zip(arms, users.arms, strict=True))
    )


def _watched(users: UserAggregates, code: int, looking: looks.Plan | None) -> dict[str, Any]:
    """What is told of an arm day by day."""
    if looking is None or not users.watched:
        return {}
    returned = looks.retention(users.watched[code])
    if code == 0:
        return {"retention": returned}
    return {
        "looks": looks.looks(users.watched, looking, code) or None,
        "trend": looks.trend(users.watched, looking.what, code, looking.alpha),
        "retention": returned,
    }


def _told(moments: stats.Moments) -> Moments:
    return Moments(
        moments.n,
        float(moments.mean[0]) if moments.n else None,
        float(moments.variance[0]) if moments.n > 1 else None,
    )


def _further_layers(
    further: Mapping[str, UserAggregates], success: Sequence[str], run: Run
) -> Iterator[Check]:
    """The other experiments on the same users: their effects on the success metrics."""
    for name, users in further.items():
        moments = [arm.moments for arm in users.arms]
        rows = stats.compare(moments, success, success, run.alpha)
        details = {
            "arms": {arm.moments.name: arm.exposed for arm in users.arms},
            "control": users.names[0],
            "effects": [row.row() for row in rows],
        }
        told = "; ".join(_sentence(row) for row in rows if row.estimand == MEAN)
        summary = f"A further experiment ran on the same users: {told or 'no effects'}."
        yield Check(f"layer {name}", "info", summary, details)


def _sentence(row: stats.Effect) -> str:
    metric = COLUMNS[row.metric]
    about = f"{row.arm}, {metric.label.lower()}"
    if row.effect is None or row.lower is None or row.upper is None:
        return f"{about}: {row.note or 'undefined'}"
    shown = rounding.estimate(row.effect, row.lower, row.upper)
    return f"{about} {shown.value} {shown.interval} {metric.unit}".rstrip()
