"""The scenario file: one experiment, described apart from its run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from abbotify.errors import ScenarioError
from abbotify.files.yaml import KeyPath, Source
from abbotify.scenario.base import Model, Name, Seed, Share, Switch, Tuple, at_key
from abbotify.scenario.checks import check
from abbotify.scenario.metrics import Metrics, Monitoring
from abbotify.scenario.recommenders import Arm, Service
from abbotify.scenario.timeline import ExperimentDays, Phase
from abbotify.scenario.world import WorldSpec


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

    # Which recommenders there are is looked up when a scenario is first read.
    model_config = ConfigDict(defer_build=True)
    _source: Source = PrivateAttr(default=Source("scenario", {}, {}))
    _root: Path = PrivateAttr(default=Path())

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

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        check(self)
        return self

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
    def experiment_days(self) -> int:
        """How many days the experiment has."""
        return sum(phase.days for phase in self.timeline if isinstance(phase, ExperimentDays))

    def place(self, number: int) -> KeyPath:
        """The key of an experiment."""
        return ("experiment",) if self.experiments is None else ("experiments", number)
