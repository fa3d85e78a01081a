"""The trainings of a run: who learns at the start of a day, and from what exactly.

A training at the start of day d sees the sessions whose last event is before d * 86 400 000 ms,
and no later event can change a model.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from abbotify import __version__
from abbotify.digests import digest_data
from abbotify.errors import UserError
from abbotify.eventlog.schema import ARM, MS_PER_DAY, NO_ARM, Events
from abbotify.progress import Progress, silent
from abbotify.recommenders.extras import versions
from abbotify.recommenders.plugins.load import fit_plugin, load_plugin
from abbotify.recommenders.shipped import Learner
from abbotify.recommenders.shipped.neural import Neural
from abbotify.recommenders.training_log import Fitted, TrainingLog
from abbotify.scenario import plain
from abbotify.scenario.recommenders import ArmOptions, Plugin
from abbotify.scenario.timeline import Collect, ExperimentDays
from abbotify.simulation.engine import DayPlan
from abbotify.simulation.model_store import ModelStore, Trained
from abbotify.simulation.prepare import Plan
from abbotify.simulation.timeline import Schedule
from abbotify.world.base import World

Pieces = Callable[[], Iterable[Events]]
Rows = npt.NDArray[np.bool_]  # of users, or of sessions


@dataclass(frozen=True)
class Training:
    """A model that was trained, or taken from an earlier run.

    Attributes:
        model: the model.
        seconds: how long it took.
        reused: it was there already.
    """

    model: Trained
    seconds: float
    reused: bool


class Trainer:
    """Trains the arms of a run that learn.

    Args:
        plan: the run.
        learning: names of the arms to train, in order.
        store: where models are kept.
        progress: receives the epochs.
        everybody: an arm that everybody is in, see `Schedule.plan_day`.
        sample: bool (users); of the experiment's other users trainings with `own` see nothing.
        run: of the run that this is a world of; it trains what serves from the experiment's first
            day on.

    Attributes:
        done: the trainings so far.
    """

    def __init__(
        self,
        plan: Plan,
        learning: Sequence[str],
        store: ModelStore,
        progress: Progress = silent,
        everybody: str | None = None,
        sample: Rows | None = None,
        run: Trainer | None = None,
    ) -> None:
        self.plan, self.schedule, self.scenario = plan, plan.schedule, plan.scenario
        self.world, self.store, self.progress = plan.world, store, progress
        self.everybody, self.sample, self.run = everybody, sample, run
        self.learning = list(learning)
        self.done: list[Training] = []

    def train(self, day: int, training: str, pieces: Pieces) -> dict[str, Path]:
        """Trains every arm that learns for the sessions that start on a day.

        Args:
            day: the day.
            training: `collect`, `pooled` or `own`, see `timeline.Segment`.
            pieces: gives the events of earlier days, whole users at a time, in order.

        Returns:
            name of an arm -> the file of its model.

        Raises:
            UserError: a training failed, or there is nothing to learn from.
        """
        if self.run is not None and day <= self.schedule.experiment_days.start:
            if all(done.model.day != day for done in self.run.done):
                self.run.train(day, training, pieces)
            return self.run.latest(day)
        out = {}
        common = None
        for name in self.learning:
            kept = self.store.kept(name, day)
            if kept is not None:
                self.done.append(Training(kept, 0.0, reused=True))
                out[name] = self.store.folder / kept.file
                continue
            if training == "own":
                log = self._log(pieces, day, training, name)
            elif common is None:
                log = common = self._log(pieces, day, training)
            done = self._trained(name, day, log)
            self.done.append(done)
            out[name] = self.store.folder / done.model.file
        return out

    def latest(self, day: int) -> dict[str, Path]:
        """Name of an arm -> the file of the model that serves on a day, of those trained so far."""
        known = (done.model for done in self.done if done.model.day <= day)
        return {model.arm: self.store.folder / model.file for model in known}

    def _log(self, pieces: Pieces, day: int, training: str, arm: str | None = None) -> TrainingLog:
        return training_log(
            pieces(), self.schedule, self.world, day, training, arm, self.everybody, self.sample
        )

    def _trained(self, name: str, day: int, log: TrainingLog) -> Training:
        started = time.perf_counter()
        what = f"train {name}" if day == 0 else f"train {name}, day {day}"
        self.progress(what, 0, 0)
        key = self._key(name, log)
        # What code of the user's own imports or reads is not known: it is always run.
        known = None if _is_user_code(self.scenario.arms[name]) else self.store.find(key)
        fitted = self._fit(name, log, what) if known is None else known
        place = list(self.scenario.arms).index(name)
        model = self.store.keep(place, name, day, len(log), key, fitted)
        self.progress(what, 1, 1)
        return Training(model, time.perf_counter() - started, known is not None)

    def _fit(self, name: str, log: TrainingLog, what: str) -> Fitted:
        arm, key = self.scenario.arms[name], ("arms", name)

        def show(epoch: int, epochs: int, loss: float | None) -> None:
            self.progress(what, epoch, epochs, "" if loss is None else f"loss {loss:.4f}")

        try:
            if isinstance(arm, Plugin):
                loaded = load_plugin(arm, self.world, self.scenario, key)
                return fit_plugin(loaded, log, self.world.catalogue)
            if isinstance(arm, Learner):
                return arm.fit(log, self.scenario, key, show)
        except UserError as error:
            if error.key is not None or error.file is not None:
                raise
            raise self.scenario.error(error.what, key) from error
        raise AssertionError(f"{name} does not learn")

    def _key(self, name: str, log: TrainingLog) -> str:
        """A digest of everything a training depends on."""
        arm = self.scenario.arms[name]
        options = {*ArmOptions.model_fields, "fallback"}
        settings = {k: v for k, v in plain(self.scenario)["arms"][name].items() if k not in options}
        return digest_data(
            {
                "abbotify": __version__,
                "settings": settings,
                "seed": self.scenario.seeds.dynamics,
                "libraries": versions(arm.extra) if isinstance(arm, Learner) else {},
                "world": self.plan.world_digest,
                "log": {f.name: getattr(log, f.name) for f in fields(log)},
            }
        )


def _is_user_code(arm: Any) -> bool:
    return isinstance(arm, Plugin) or (isinstance(arm, Neural) and arm.network is not None)


def training_log(
    pieces: Iterable[Events],
    schedule: Schedule,
    world: World,
    day: int,
    training: str,
    arm: str | None = None,
    everybody: str | None = None,
    sample: Rows | None = None,
) -> TrainingLog:
    """What a training at the start of a day sees.

    Args:
        pieces: events of whole users, in the order (user, session, step), users ascending.
        schedule: of the run.
        world: whose users and tracks they are.
        day: the training sees sessions that are over before it begins.
        training: `collect` takes the sessions of collect phases alone; `pooled` those of the
            experiment too; `own` of the experiment those that `arm` served.
        arm: for `own`.
        everybody: an arm that everybody is in, see `Schedule.plan_day`.
        sample: for `own`: bool (users), whose sessions of days in the experiment are seen; those
            of users outside are in any case. Default everybody's.
    """
    served = _Served(schedule, world, training, arm, everybody, sample)
    parts: list[dict[str, npt.NDArray[Any]]] = []
    for events in pieces:
        if not len(events):
            continue
        starts = np.flatnonzero(events.step == 0)
        lengths = np.diff(np.append(starts, len(events)))
        over = events.timestamp[starts + lengths - 1] < day * MS_PER_DAY
        row = np.searchsorted(world.users.ids, events.user[starts])
        chosen = np.repeat(over & served.by(events.day[starts], row), lengths)
        parts.append(
            {
                "row": np.repeat(row, lengths)[chosen],
                "session": events.session[chosen].astype(np.int64),
                "step": events.step[chosen].astype(np.int64),
                "first": np.repeat(events.track[starts], lengths)[chosen],
                "track": events.track[chosen],
                "time": events.time[chosen],
            }
        )
    joined = {
        f.name: np.concatenate([part[f.name] for part in parts] or [np.empty(0, np.int64)])
        for f in fields(TrainingLog)
        if f.name not in ("users", "tracks")
    }
    joined["time"] = joined["time"].astype(np.float64)
    for column in joined.values():
        column.setflags(write=False)  # several arms learn from the same log
    return TrainingLog(**joined, users=len(world.users), tracks=len(world.catalogue))


class _Served:
    """Whether a training may see sessions, by their day and user."""

    def __init__(
        self,
        schedule: Schedule,
        world: World,
        training: str,
        arm: str | None,
        everybody: str | None,
        sample: Rows | None,
    ) -> None:
        self.everybody, self.sample = everybody, sample
        self.schedule, self.ids, self.training = schedule, world.users.ids, training
        self.place = list(schedule.scenario.arms).index(arm) if arm is not None else -1
        self._plans: dict[int, DayPlan] = {}

    def by(self, days: npt.NDArray[Any], rows: npt.NDArray[Any]) -> Rows:
        """Which sessions: bool (sessions,), from their days and their users' rows."""
        out = np.zeros(len(days), np.bool_)
        for number in np.unique(days).tolist():
            here = days == number
            phase = self.schedule.days[number].phase
            if isinstance(phase, Collect):
                out |= here
            elif isinstance(phase, ExperimentDays) and self.training != "collect":
                out |= here & self._seen(number)[rows]
        return out

    def _seen(self, number: int) -> Rows:
        """Whose sessions of a day of the experiment are seen: bool (users,)."""
        plan = self._plan(number)
        if self.training == "pooled":
            return np.ones(len(self.ids), np.bool_)
        served = plan.serving == self.place
        if self.sample is None:
            return served
        return served & (self.sample | (plan.labels[ARM] == NO_ARM))

    def _plan(self, number: int) -> DayPlan:
        if number not in self._plans:
            day = self.schedule.days[number]
            self._plans[number] = self.schedule.plan_day(day, self.ids, self.everybody)
        return self._plans[number]
