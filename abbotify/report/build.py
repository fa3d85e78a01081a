"""The document of an experiment, from its users and its tally."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify import stats
from abbotify.events import ARM
from abbotify.metrics.definitions import COLUMNS, METRICS, determined
from abbotify.metrics.users import Population, UserTable
from abbotify.report import checks
from abbotify.report.curves import daily, distributions, positions, survival, top_tracks
from abbotify.report.document import Arm, Check, Document, Moments, Run
from abbotify.report.pictures import Training
from abbotify.report.tally import Tally

Rows = npt.NDArray[np.bool_]
Titles = Callable[[int], tuple[str | None, str | None]]

CURVE_METRIC: Final = "mean_time_per_session"


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


def arm_moments(
    users: UserTable,
    arms: Sequence[str],
    metrics: Sequence[str],
    population: Population,
) -> tuple[stats.ArmMoments, ...]:
    """What the estimators need of each arm.

    Args:
        users: all of them, or a shard whose moments are merged with the others' in order.
        arms: names, the control first: the first ones of the names of the column `arm`.
        metrics: those among the table's columns.
        population: over whom; ratios of sums are over the exposed in any case.
    """
    judged = _rows_of_arms(users, len(arms), population)
    exposed = _rows_of_arms(users, len(arms), "exposed")
    ratios = [name for name in metrics if METRICS[name].ratio is not None]
    return tuple(
        stats.ArmMoments(
            name,
            {metric: _mean(users, metric, rows, population) for metric in metrics},
            {metric: _ratio(users, metric, seen) for metric in ratios},
        )
        for name, rows, seen in zip(arms, judged, exposed, strict=True)
    )


def _rows_of_arms(users: UserTable, arms: int, population: Population) -> list[Rows]:
    """Who of a population is in each of the first arms."""
    members, codes = users.members(population), users.arms[ARM].codes
    return [members & (codes == code) for code in range(arms)]


def _mean(users: UserTable, metric: str, rows: Rows, population: Population) -> stats.Moments:
    values = users.column(metric, population)[rows]
    return stats.Moments.of(values[~np.isnan(values)])


def _ratio(users: UserTable, metric: str, rows: Rows) -> stats.Moments:
    parts = METRICS[metric].ratio or ()
    return stats.Moments.of(np.stack([users.values[part][rows] for part in parts], axis=1))


def build(
    *,
    users: UserTable,
    tally: Tally,
    scenario: dict[str, Any],
    run: Run,
    arms: Sequence[ArmInfo],
    metrics: Sequence[str],
    success: Sequence[str],
    further: Mapping[str, UserTable] | None = None,
    titles: Titles | None = None,
    extra_checks: Sequence[Check] = (),
    trainings: Mapping[str, Sequence[Training]] | None = None,
) -> Document:
    """The document of an experiment.

    Args:
        users: all users.
        tally: of all sessions, with the same arms first.
        scenario: plain data.
        run: what was run; its alpha and population are those of the analysis.
        arms: the control first, in the order of the codes of the column `arm`.
        metrics: those to report; the ones the users' table has not are told as undetermined.
        success: those that decide.
        further: name of another experiment -> the same users, judged by that one's arms.
        titles: title and artist of a track id.
        extra_checks: what the reader of the log found.
        trainings: name of an arm that learns -> its trainings in order.

    Raises:
        ValueError: arms are not the first ones of the column or of the tally.
    """
    names = [arm.name for arm in arms]
    _refuse_other_arms(names, users.arms[ARM].names, tally.arms)
    known = [name for name in metrics if name in users.values]
    deciding = [name for name in success if name in known]
    moments = arm_moments(users, names, known, run.population)
    effects = stats.compare(moments, known, deciding, run.alpha)
    built = _arms(users, tally, arms, moments, run, titles, trainings or {})
    found = [
        *_checks(users, built, effects, deciding),
        *_population(users, run),
        *extra_checks,
        *checks.undetermined(_undetermined(users, metrics)),
        *_further_layers(further or {}, deciding, run),
    ]
    return Document(scenario, run, built, effects, tuple(found))


def _checks(
    users: UserTable, arms: Sequence[Arm], effects: Sequence[stats.Effect], success: Sequence[str]
) -> Iterator[Check]:
    yield checks.sample_ratio(
        [arm.name for arm in arms], [arm.users for arm in arms], [arm.weight for arm in arms]
    )
    yield checks.two_arms(users.in_two_arms.get(ARM, 0))
    yield checks.sizes(arms)
    yield from checks.variance(effects, success)
    yield from checks.counted(arms)


def _population(users: UserTable, run: Run) -> Iterator[Check]:
    if run.population == "assigned":
        yield checks.assigned(int(np.count_nonzero(users.members("assigned") & ~users.exposed)))


def _refuse_other_arms(names: Sequence[str], *known: Sequence[str]) -> None:
    for others in known:
        if list(others[: len(names)]) != list(names):
            raise ValueError(f"arms {list(names)} are not the first ones of {list(others)}")


def _undetermined(users: UserTable, metrics: Collection[str]) -> dict[str, str]:
    told = determined(
        lengths="minutes" in users.values,
        artists="artist_diversity" in users.values,
        timeouts="timeouts" in users.values,
        days="retained" in users.values,
    )
    missing = [name for name in METRICS if name not in users.values]
    reasons = {name: told.reasons.get(name, "the input has no such values") for name in missing}
    return {name: why for name, why in reasons.items() if name in metrics or name in told.reasons}


def _arms(
    users: UserTable,
    tally: Tally,
    arms: Sequence[ArmInfo],
    moments: Sequence[stats.ArmMoments],
    run: Run,
    titles: Titles | None,
    trainings: Mapping[str, Sequence[Training]],
) -> tuple[Arm, ...]:
    exposed = _rows_of_arms(users, len(arms), "exposed")
    assigned = _rows_of_arms(users, len(arms), "assigned")
    groups = [users.values[CURVE_METRIC][rows] for rows in exposed]
    histograms = distributions(CURVE_METRIC, groups)
    return tuple(
        Arm(
            name=arm.name,
            label=arm.label,
            control=code == 0,
            users=int(np.count_nonzero(exposed[code])),
            recommender=arm.recommender,
            weight=arm.weight,
            assigned=_assigned(run, assigned[code]),
            sessions=_total(users, "sessions", exposed[code]),
            tracks=_total(users, "tracks", exposed[code]),
            metrics={name: _told(found) for name, found in moments[code].means.items()},
            distribution=histograms[code],
            survival=survival(tally, code),
            daily=daily(tally, code, run.alpha),
            top_tracks=top_tracks(tally, code, titles),
            counters={name: int(each[code]) for name, each in tally.counters.items()} or None,
            by_position=positions(tally, code),
            trainings=tuple(trainings.get(arm.name, ())) or None,
        )
        for code, arm in enumerate(arms)
    )


def _assigned(run: Run, rows: Rows) -> int | None:
    # A log knows only of those who came.
    return None if run.source == "log" else int(np.count_nonzero(rows))


def _total(users: UserTable, name: str, rows: Rows) -> int:
    return int(users.values[name][rows].sum())


def _told(moments: stats.Moments) -> Moments:
    return Moments(
        moments.n,
        float(moments.mean[0]) if moments.n else None,
        float(moments.variance[0]) if moments.n > 1 else None,
    )


def _further_layers(
    further: Mapping[str, UserTable], success: Sequence[str], run: Run
) -> Iterator[Check]:
    """The other experiments on the same users: their effects on the success metrics."""
    for name, users in further.items():
        label = users.arms[ARM]
        moments = arm_moments(users, label.names, success, run.population)
        rows = stats.compare(moments, success, success, run.alpha)
        exposed = label.codes[users.members("exposed")]
        details = {
            "arms": dict(zip(label.names, _sizes(exposed, len(label.names)), strict=True)),
            "control": label.names[0],
            "effects": [row.row() for row in rows],
        }
        told = "; ".join(_sentence(row) for row in rows if row.estimand == "mean")
        summary = f"A further experiment ran on the same users: {told or 'no effects'}."
        yield Check(f"layer {name}", "info", summary, details)


def _sizes(codes: npt.NDArray[np.int16], arms: int) -> list[int]:
    sizes: list[int] = np.bincount(codes, minlength=arms).tolist()
    return sizes


def _sentence(row: stats.Effect) -> str:
    unit = COLUMNS[row.metric].unit
    if row.effect is None or row.lower is None or row.upper is None:
        return f"{row.arm}, {row.metric}: {row.note or 'undefined'}"
    interval = f"[{row.lower:+.4g}, {row.upper:+.4g}]"
    return f"{row.arm}, {row.metric} {row.effect:+.4g} {interval} {unit}".rstrip()
