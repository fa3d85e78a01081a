"""A scenario run under every combination of some of its settings, with one table of the effects.

Seeds are those of the scenario in every run, so two runs differ by their settings alone: the same
listeners meet the same draws (common random numbers).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Final

from abbotify import pipeline
from abbotify.errors import PageError, ResumeError, UserError
from abbotify.files import folders, replacement, yaml
from abbotify.progress import Progress, silent
from abbotify.report import Result, read
from abbotify.report.decision import decisive
from abbotify.report.text.leading import Numbers, bounded, near_zero, numbers_of
from abbotify.scenario import Scenario, load
from abbotify.simulation.parallel.executor import open_executor
from abbotify.stats import Effect

MOST: Final = 1000  # runs


@dataclass(frozen=True)
class Varied:
    """A key of the scenario and the values it takes, as YAML texts."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """One run.

    Attributes:
        values: of the varied keys, in their order.
        folder: the run folder's name within that of the sweep.
        effects: of each treatment on the first success metric.
        losses: arm that learns -> (loss of the last pass, best validation loss or None), of its
            first training.
        failure: why the run failed, such as a training that diverged; there are no effects then.
    """

    values: tuple[str, ...]
    folder: str
    effects: tuple[Effect, ...]
    losses: dict[str, tuple[float, float | None]]
    failure: str = ""


@dataclass(frozen=True)
class Sweep:
    """All runs.

    Attributes:
        scenario: its name.
        keys: the varied ones.
        metric: the one that effects are about.
        control: the arm that effects are against.
        settings: the runs, the last key varying fastest.
    """

    scenario: str
    keys: tuple[str, ...]
    metric: str
    control: str
    settings: tuple[Setting, ...]

    @property
    def arms(self) -> tuple[str, ...]:
        """The treatments, in the order of the file."""
        return tuple(dict.fromkeys(e.arm for s in self.settings for e in s.effects))

    @property
    def moved(self) -> tuple[str, ...]:
        """The treatments that the settings make a difference to; all when there is none."""
        by_arm = {
            arm: [self.effect(setting, arm) for setting in self.settings] for arm in self.arms
        }
        moved = tuple(arm for arm, effects in by_arm.items() if len(set(effects)) > 1)
        return moved or self.arms

    @staticmethod
    def effect(setting: Setting, arm: str) -> Effect | None:
        """The effect of a treatment in one run; None when the run failed."""
        return next((effect for effect in setting.effects if effect.arm == arm), None)

    @property
    def played(self) -> tuple[Setting, ...]:
        """The runs that did not fail."""
        return tuple(setting for setting in self.settings if not setting.failure)

    @property
    def failures(self) -> tuple[Setting, ...]:
        """The runs that failed."""
        return tuple(setting for setting in self.settings if setting.failure)

    @property
    def relative(self) -> bool:
        """Whether effects are told in per cent of the control: everywhere, or nowhere."""
        known = [each for setting in self.settings for each in setting.effects]
        return not any(map(near_zero, known)) and any(map(bounded, known))

    def numbers(self, effect: Effect | None) -> Numbers:
        """An effect and its interval: per cent of the control, or in the metric's unit."""
        return numbers_of(effect, relative=self.relative)

    def spread(self, key: str, arm: str) -> float | None:
        """How much a key matters: between its values, the range of the mean effect.

        The mean is over the settings of all other keys, in the unit of `numbers`; None where an
        effect is undefined or a run failed.
        """
        place = self.keys.index(key)
        by_value: dict[str, list[float]] = {}
        for setting in self.settings:
            value = self.numbers(self.effect(setting, arm))[0]
            if value is None:
                return None
            by_value.setdefault(setting.values[place], []).append(value)
        means = [fmean(effects) for effects in by_value.values()]
        return max(means) - min(means)


@dataclass(frozen=True)
class _Job:
    path: Path
    overrides: tuple[str, ...]
    seed: int | None
    out: Path
    resume: bool


@dataclass(frozen=True)
class _Task:
    folder: str
    values: tuple[str, ...]
    overrides: tuple[str, ...]


def varied(text: str) -> Varied:
    """A key and its values from `key.path=1,2,3`; values may hold commas within brackets.

    Raises:
        UserError: the text has another form.
    """
    key, equals, values = (part.strip() for part in text.partition("="))
    try:
        parsed = yaml.parse(f"[{values}]", "--vary").data
    except UserError as error:
        raise UserError(f"{text}: {error.what}", key="--vary") from None
    if not (key and equals and isinstance(parsed, list) and parsed):
        raise UserError(f"must read key.path=1,2,3, got {text!r}", key="--vary")
    texts = tuple(json.dumps(value, ensure_ascii=False) for value in parsed)
    if len(set(texts)) < len(texts):
        raise UserError(f"{key} has the same value twice", key="--vary")
    return Varied(key, texts)


def sweep(
    path: Path,
    vary: Sequence[Varied],
    out: Path,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    workers: int = 1,
    progress: Progress = silent,
    resume: bool = False,
) -> Sweep:
    """Runs a scenario under every combination of values.

    Args:
        path: the scenario file.
        vary: what to vary.
        out: a folder that holds a run folder for each setting.
        overrides: `key.path=value`, for all runs.
        seed: replaces `seeds.dynamics`.
        workers: processes that share the runs.
        progress: called as runs are done.
        resume: leave finished runs as they are and go on with interrupted ones.

    Raises:
        UserError: a setting is refused, or its effects are not those of the others; before
            anything is run. A run that fails later is told in its setting.
    """
    keys = tuple(one.key for one in vary)
    if not keys or len(set(keys)) < len(keys):
        raise UserError("needs at least one key, and none twice", key="--vary")
    tasks = list(_tasks(vary))
    if len(tasks) > MOST:
        raise UserError(f"at most {MOST} runs, got {len(tasks)}", key="--vary")
    job = _Job(path, tuple(overrides), seed, out, resume)
    scenario = _scenario(job, tasks[0])
    for task in tasks:  # every mistake before the first run
        if _compared(_scenario(job, task)) != _compared(scenario):
            what = "the settings differ in the control, the treatments or the first success metric"
            raise UserError(f"{what}: {', '.join(task.overrides)}", key="--vary")
        folders.check(out / task.folder)
    settings = _played(job, tasks, workers, progress)
    if all(setting.failure for setting in settings):
        raise UserError(f"every run failed, the first one with: {settings[0].failure}")
    metric, control = scenario.metrics.success[0], scenario.layers[0].control
    return Sweep(scenario.name, keys, metric, control, tuple(settings))


def _played(job: _Job, tasks: Sequence[_Task], workers: int, progress: Progress) -> list[Setting]:
    progress("runs", 0, len(tasks))
    settings: list[Setting] = []
    made = not job.out.exists()
    try:
        with open_executor(job, workers, len(tasks)) as executor:
            for setting in executor.each(_run, tasks):
                settings.append(setting)
                progress("runs", len(settings), len(tasks))
    finally:
        for task in tasks:  # of processes that were killed with this one's end
            with suppress(OSError):
                replacement.sweep((job.out / task.folder).resolve())
        with suppress(OSError):  # it holds runs, as after every success
            if made:
                job.out.rmdir()
    return settings


def _compared(scenario: Scenario) -> tuple[str, tuple[str, ...]]:
    """What is compared: the first success metric, the control and the treatments."""
    return scenario.metrics.success[0], scenario.arms_of(scenario.layers[0])


def _tasks(vary: Sequence[Varied]) -> Iterator[_Task]:
    for number, values in enumerate(product(*(one.values for one in vary))):
        overrides = tuple(f"{one.key}={value}" for one, value in zip(vary, values, strict=True))
        yield _Task(f"{number:03d}", values, overrides)


def _scenario(job: _Job, task: _Task) -> Scenario:
    return load(job.path, [*job.overrides, *task.overrides], job.seed)


def _run(job: _Job, task: _Task) -> Setting:
    folder = job.out / task.folder
    try:
        result = pipeline.run(_scenario(job, task), folder, resume=job.resume)
    except ResumeError:
        raise
    except (PageError, UserError) as error:
        if not (isinstance(error, PageError) and (folder / "report.json").exists()):
            # A training that diverges is a result of a sweep.
            return Setting(task.values, task.folder, (), {}, str(error))
        result = read(folder)
    return _setting(task, result)


def _setting(task: _Task, result: Result) -> Setting:
    metric = result.scenario["metrics"]["success"][0]
    effects = tuple(effect for effect in decisive(result) if effect.metric == metric)
    first = {arm.name: arm.trainings[0] for arm in result.arms if arm.trainings}
    losses = {
        name: (training.curve[-1].loss, training.best.validation if training.best else None)
        for name, training in first.items()
        if training.curve
    }
    return Setting(task.values, task.folder, effects, losses)
