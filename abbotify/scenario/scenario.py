"""The scenario file: one experiment, described apart from its run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, PrivateAttr, model_validator

from abbotify.errors import ScenarioError
from abbotify.files.yaml import KeyPath, Source
from abbotify.scenario.arms import Arm, Service
from abbotify.scenario.base import Model, Name, Seed, Share, Switch, Tuple, at_key
from abbotify.scenario.meaning import check_meaning
from abbotify.scenario.metrics import Metrics, Monitoring
from abbotify.scenario.timeline import ExperimentDays, Phase, check_timeline
from abbotify.scenario.world import WorldSpec
from abbotify.typed import nearest

HASHED_FOR: Final = ("traffic", "collect", "truth")
"""What users are hashed for by `NAME:...`, beside their arms."""


class Seeds(Model):
    """Seeds of the world, of what happens in it, and of who is in which arm.

    `split` replaces the experiments' names in every hash of users; unset, the split is botify's and
    depends on the name alone, so runs that differ in `dynamics` share it.
    """

    world: Seed = 1
    dynamics: Seed = 31337
    split: Seed | Name | None = None


class Arrivals(Model):
    """How often users come: `sessions` a day in all, or `visits_per_day` of each user."""

    sessions: Annotated[float, Field(gt=0, le=1e12)] | None = None
    visits_per_day: Annotated[float, Field(gt=0, le=1000)] | None = None
    profile: Literal["flat", "evening"] = "evening"

    @model_validator(mode="after")
    def _one_model(self) -> Arrivals:
        if (self.sessions is None) == (self.visits_per_day is None):
            raise ValueError("needs exactly one of sessions and visits_per_day")
        return self

    def per_user(self, users: int) -> float:
        """The visits expected of each of so many users on a day."""
        return (
            (self.sessions or 0.0) / users if self.visits_per_day is None else self.visits_per_day
        )


class Listener(Model):
    """What makes users stay; a users file's own columns take precedence."""

    session_budget: Annotated[int, Field(ge=1, le=10_000)] = 5
    artist_discount_gamma: Share = 0.8
    interest_neighbours: Annotated[int, Field(ge=1, le=10_000)] = 10
    max_tracks: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    skip_below: Share = 0.3


class Limits(Model):
    """Shares of requests above which an arm did not run as described, so its effect is invalid."""

    errors: Share = 0.01
    fallbacks: Share = 0.1


class Experiment(Model):
    """A user-randomised experiment; `traffic` may be a list, one share for each day (a ramp)."""

    name: Name = "AB"
    control: str
    arms: Annotated[Tuple[str], Field(min_length=2)] | None = None
    traffic: Share | Annotated[Tuple[Share], Field(min_length=1)] = 1.0
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _never_shrinks(self) -> Experiment:
        if isinstance(self.traffic, tuple) and list(self.traffic) != sorted(self.traffic):
            what = f"a ramp must not fall, nobody leaves the experiment; got {list(self.traffic)}"
            raise at_key(("traffic",), what)
        return self


class Log(Model):
    """How much of the run is kept."""

    level: Literal["events", "sessions", "users"] = "events"
    botify: bool = False

    @model_validator(mode="after")
    def _events_for_botify(self) -> Log:
        if self.botify and self.level != "events":
            raise ValueError("botify: true needs level: events")
        return self


class Scenario(Model):
    """One experiment: a world, arrivals, listeners, phases, arms, a split, metrics."""

    name: Name
    seeds: Seeds = Seeds()
    world: WorldSpec = WorldSpec()
    arrivals: Arrivals
    listener: Listener = Listener()
    timeline: Annotated[Tuple[Phase], Field(min_length=1)] = (
        ExperimentDays(phase="experiment", days=7),
    )
    arms: Annotated[dict[Name, Arm], Field(min_length=1)]
    experiment: Experiment | None = None
    experiments: Annotated[Tuple[Experiment], Field(min_length=1)] | None = None
    metrics: Metrics = Metrics()
    monitoring: Monitoring = Monitoring()
    log: Log = Log()
    service: Service | None = None
    truth: Switch = False
    shards: Literal["auto"] | Annotated[int, Field(ge=1, le=1_000_000)] = "auto"

    _source: Source = PrivateAttr(default=Source("scenario", {}, {}))
    _root: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        if (self.experiment is None) == (self.experiments is None):
            raise ValueError("needs exactly one of experiment and experiments")
        if self.name.strip(". ") == "":
            raise at_key(("name",), "must not consist of dots and spaces")
        _check_layers(self)
        check_timeline(self)
        _check_metrics(self)
        check_meaning(self)
        return self

    @property
    def layers(self) -> tuple[Experiment, ...]:
        """The experiments, the first of which the report is about."""
        return self.experiments or (() if self.experiment is None else (self.experiment,))

    def arms_of(self, layer: Experiment) -> tuple[str, ...]:
        """The arms of an experiment: the control first, then the others in file order."""
        names = layer.arms or tuple(n for n, arm in self.arms.items() if arm.weight > 0)
        return (
            layer.control,
            *(name for name in self.arms if name in names and name != layer.control),
        )

    @property
    def days(self) -> int:
        """How many days the run has."""
        return sum(phase.days for phase in self.timeline)

    @property
    def source(self) -> Source:
        """The file this scenario was read from, with the lines of its keys."""
        return self._source

    @property
    def root(self) -> Path:
        """The folder that relative paths and plug-ins are resolved against."""
        return self._root

    def error(self, what: str, key: KeyPath) -> ScenarioError:
        """An error about a key of this scenario, with file and line."""
        return self._source.error(what, key)


def _check_metrics(scenario: Scenario) -> None:
    """What metrics and looks need of the timeline."""
    days = sum(p.days for p in scenario.timeline if isinstance(p, ExperimentDays))
    segments = scenario.metrics.segments
    if days == scenario.days:
        for number, name in enumerate(scenario.metrics.covariates):
            if isinstance(name, str):
                what = f"{name} needs days before the experiment: a phase pre or collect"
                raise at_key(("metrics", "covariates", number), what)
    if days == scenario.days and scenario.metrics.estimator == "cuped":
        named = any(not isinstance(each, str) for each in scenario.metrics.covariates)
        if not named:
            what = "cuped needs days before the experiment: a phase pre or collect"
            raise at_key(("metrics", "estimator"), what)
    if days == scenario.days and segments is not None and (segments.by or "").startswith("pre_"):
        what = f"{segments.by} needs days before the experiment: a phase pre or collect"
        raise at_key(("metrics", "segments", "by"), what)
    for number, layer in enumerate(scenario.layers[:1] if scenario.metrics.guardrails else ()):
        if layer.alpha >= 0.5:
            one = scenario.experiments is None
            place: KeyPath = ("experiment",) if one else ("experiments", number)
            what = f"must be below 0.5 for guardrails, which are one-sided, got {layer.alpha}"
            raise at_key((*place, "alpha"), what)
    if scenario.monitoring.window_days > days:
        what = f"must not exceed the experiment's {days} days"
        raise at_key(("monitoring", "window_days"), what)


def _check_layers(scenario: Scenario) -> None:
    known = list(scenario.arms)
    for i, layer in enumerate(scenario.layers):
        place: KeyPath = ("experiment",) if scenario.experiments is None else ("experiments", i)
        for j, name in enumerate(layer.arms or ()):
            if name not in scenario.arms:
                raise at_key((*place, "arms", j), f"no arm is named {name!r}{nearest(name, known)}")
        if layer.control not in scenario.arms:
            hint = nearest(layer.control, known)
            raise at_key((*place, "control"), f"no arm is named {layer.control!r}{hint}")
        if layer.arms is not None and layer.control not in layer.arms:
            raise at_key(
                (*place, "control"), f"{layer.control!r} is not among the experiment's arms"
            )
        if layer.arms is not None and len(set(layer.arms)) < len(layer.arms):
            raise at_key((*place, "arms"), "names an arm twice")
        arms = scenario.arms_of(layer)
        weightless = [name for name in arms if scenario.arms[name].weight == 0]
        if weightless:
            raise at_key(("arms", weightless[0], "weight"), f"must be above 0 in {layer.name}")
        if not 2 <= len(arms) <= 10:
            raise at_key(place, f"needs 2 to 10 arms of weight above 0, got {len(arms)}")
    names = [layer.name for layer in scenario.layers]
    if len(set(names)) < len(names):
        raise at_key(("experiments",), "two experiments have the same name")
    for i, name in enumerate(names):
        first, _, use = name.rpartition(":")
        if first in names and use in HASHED_FOR:
            what = f"its users would be split as {first} draws its {use}: choose another name"
            raise at_key(("experiments", i, "name"), what)
