"""The result: everything a report says, as plain data, once.

`report.json` is this result; HTML, Markdown, CSV and the terminal are renderings of it and
compute nothing of their own but rounding. It holds nothing that depends on how the run was
executed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final, Literal

from abbotify.errors import DataError
from abbotify.metrics.users import Population
from abbotify.report.result_rows import (
    Day,
    DecisionRow,
    Distribution,
    Look,
    Monitored,
    PairRow,
    Position,
    Retention,
    Segments,
    TopTrack,
    Training,
    Trend,
)
from abbotify.report.true_effects import TruthRow
from abbotify.stats import Effect, GuardrailResult, Survival
from abbotify.stats.effects import Estimator
from abbotify.typed import read, to_plain

FORMATS: Final = MappingProxyType({"report": 2, "log": 1, "users": 1, "effects": 1})
"""The versions of the files' formats, `run.formats` in a report."""


@dataclass(frozen=True)
class Run:
    """What was run: seeds, digests and versions, enough to run it again.

    Attributes:
        seeds: of the world, of what happens in it, and of the split where it is not the
            experiment's name; none for a log.
        digests: SHA-256 of the scenario and the world, or of the log.
        formats: the versions of the files' formats, `FORMATS` when they were written.
        abbotify: the version of the program.
        alpha: error rate of the decision, two-sided; intervals have level 1 - alpha.
        experiment: its name.
        days: how many days it ran.
        population: over whom means are.
        estimator: which estimate of a success metric decides, see `stats.deciding_estimand`.
        source: where the events come from.
        notes: what a reader has to know.
    """

    seeds: dict[str, int | str]
    digests: dict[str, str]
    formats: dict[str, int]
    abbotify: str
    alpha: float
    experiment: str
    days: int | None = None
    population: Population = "exposed"
    estimator: Estimator = "mean"
    source: Literal["simulation", "log"] = "simulation"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MetricMoments:
    """A metric over the users of one arm."""

    n: int
    mean: float | None
    variance: float | None


@dataclass(frozen=True)
class Arm:
    """One arm of the experiment, in the order of the file, the control included.

    Attributes:
        name: as in the file.
        label: C, T1, ...
        control: the others are compared with it.
        users: exposed ones, those who started a session in the experiment.
        recommender: its name; None where unknown, as all below.
        weight: its share of users, on any scale.
        assigned: users, the absent ones included.
        sessions: of the exposed.
        tracks: of the exposed.
        metrics: name -> moments over the population.
        distribution: of the exposed users' time per session.
        survival: of the sessions.
        daily: the days in order.
        top_tracks: the most played first.
        counters: what the service counted.
        by_position: the listened fraction at each step of the sessions, in order.
        trainings: of an arm that learns, in order.
        looks: of a treatment, as it would have been watched, by day.
        trend: of a treatment's effect by day since exposure.
        retention: who comes back.
    """

    name: str
    label: str
    control: bool
    users: int
    recommender: str | None = None
    weight: float | None = None
    assigned: int | None = None
    sessions: int | None = None
    tracks: int | None = None
    metrics: dict[str, MetricMoments] | None = None
    distribution: Distribution | None = None
    survival: Survival | None = None
    daily: tuple[Day, ...] | None = None
    top_tracks: tuple[TopTrack, ...] | None = None
    counters: dict[str, int] | None = None
    by_position: tuple[Position, ...] | None = None
    trainings: tuple[Training, ...] | None = None
    looks: tuple[Look, ...] | None = None
    trend: Trend | None = None
    retention: Retention | None = None


@dataclass(frozen=True)
class Check:
    """Something looked at before believing the effects, and its result.

    Attributes:
        name: which check.
        status: its result; a failed one makes the arms it is about invalid.
        summary: the result in a sentence.
        details: the numbers behind it.
        arms: the arms a failure or a warning is about; none: all of them.
    """

    name: str
    status: Literal["pass", "warn", "fail", "info"]
    summary: str
    details: dict[str, Any] | None = None
    arms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """A whole report as plain data."""

    scenario: dict[str, Any]
    run: Run
    arms: tuple[Arm, ...]
    effects: tuple[Effect, ...]
    checks: tuple[Check, ...]
    guardrails: tuple[GuardrailResult, ...] = ()
    segments: Segments | None = None
    monitored: Monitored | None = None
    truth: tuple[TruthRow, ...] = ()
    pairs: tuple[PairRow, ...] = ()
    decisions: tuple[DecisionRow, ...] = ()

    @classmethod
    def from_dict(cls, data: object) -> Result:
        """The result in plain data, checked.

        Raises:
            DataError: a key is missing, unknown or of the wrong kind, a number is not finite, or
                the parts contradict each other; the error names the key path.
        """
        version = _version(data)
        if version != FORMATS["report"]:
            raise DataError(
                f"{version} is a format this version cannot read; it reads {FORMATS['report']}",
                key="run.formats.report",
            )
        result = read(data, cls)
        _refuse_contradictions(result)
        return result

    def to_dict(self) -> dict[str, Any]:
        """The plain data of the result, keys in the order of the file."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    def dumps(self) -> str:
        """The text of report.json: full precision, fixed key order, one newline at the end.

        Raises:
            ValueError: a number is NaN or infinite; undefined values are None.
        """
        text = json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=2)
        return text + "\n"

    @property
    def control(self) -> Arm:
        """The arm the others are compared with."""
        return next(arm for arm in self.arms if arm.control)

    @property
    def treatments(self) -> tuple[Arm, ...]:
        """The arms compared with the control, in the order of the file."""
        return tuple(arm for arm in self.arms if not arm.control)

    @property
    def places(self) -> dict[str, int]:
        """The place of each arm, by its name: which colour and marker it has."""
        return {arm.name: place for place, arm in enumerate(self.arms)}


def loads(text: str) -> Result:
    """The result in the text of a report.json.

    Raises:
        DataError: the text is not JSON or not a result.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"not JSON: {error.msg}", line=error.lineno) from error
    except RecursionError as error:
        raise DataError("not a report: nested too deeply") from error
    return Result.from_dict(data)


def _version(data: object) -> object:
    """The version a result says it has; ours where it says nothing (the schema then speaks)."""
    for key in ("run", "formats"):
        data = data.get(key) if isinstance(data, Mapping) else None
    ours = FORMATS["report"]
    return data.get("report", ours) if isinstance(data, Mapping) else ours


def _refuse_contradictions(result: Result) -> None:
    controls = sum(arm.control for arm in result.arms)
    if controls != 1:
        raise DataError(f"{controls} arms are the control, not one", key="arms")
    if len(result.places) < len(result.arms):
        raise DataError("two arms have one name", key="arms")
    treatments = {arm.name for arm in result.treatments}
    for name in ("effects", "guardrails", "truth", "decisions"):
        for at, row in enumerate(getattr(result, name)):
            if row.arm not in treatments:
                raise DataError(f"{row.arm!r} is not a treatment", key=f"{name}[{at}].arm")
    for at, pair in enumerate(result.pairs):
        if not {pair.arm, pair.against} <= treatments:
            raise DataError("compares an arm that is not a treatment", key=f"pairs[{at}]")
    for at, arm in enumerate(result.arms):
        _refuse_unlike_lengths(arm, f"arms[{at}]")
        for name, numbers in _ascending(arm):
            if not all(before < after for before, after in pairwise(numbers)):
                raise DataError("must ascend", key=f"arms[{at}].{name}")
    if not 0 < result.run.alpha < 1:
        raise DataError(f"{result.run.alpha} is not between 0 and 1", key="run.alpha")


def _refuse_unlike_lengths(arm: Arm, key: str) -> None:
    distribution, survival, retention = arm.distribution, arm.survival, arm.retention
    if distribution and len(distribution.edges) != len(distribution.counts) + 1:
        raise DataError("there must be one edge more than counts", key=f"{key}.distribution")
    if survival and len(survival.tracks) != len(survival.alive):
        raise DataError("tracks and alive must have one length", key=f"{key}.survival")
    if retention and not (len(retention.days) == len(retention.active) == len(retention.returned)):
        what = "days, active and returned must have one length"
        raise DataError(what, key=f"{key}.retention")


def _ascending(arm: Arm) -> Iterator[tuple[str, Iterable[float]]]:
    """The numbers of an arm's curves that must ascend, by their key."""
    if arm.distribution:
        yield "distribution.edges", arm.distribution.edges
    if arm.survival:
        yield "survival.tracks", arm.survival.tracks
    if arm.retention:
        yield "retention.days", arm.retention.days
    yield "by_position", [position.step for position in arm.by_position or ()]
    yield "looks", [look.day for look in arm.looks or ()]
    yield "trainings", [training.day for training in arm.trainings or ()]
    for at, training in enumerate(arm.trainings or ()):
        yield f"trainings[{at}].curve", [epoch.number for epoch in training.curve]
