"""A scenario made ready to run: its world, arms and schedule; what cannot work is refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from abbotify.errors import UserError
from abbotify.files import folders
from abbotify.metrics.segments import SegmentBounds, UserSegments
from abbotify.recommenders.arms import Arm
from abbotify.recommenders.build import build_arms
from abbotify.recommenders.shipped import Learner
from abbotify.recommenders.shipped.neural import Neural
from abbotify.scenario import Scenario
from abbotify.scenario.checks import serves_untrained, untrained
from abbotify.simulation import timeline
from abbotify.simulation.assignment import require_users
from abbotify.simulation.coupling import coupling, slowing
from abbotify.simulation.covariates import Covariates, covariates_of, segments_of
from abbotify.simulation.engine import COMPILED, SIMPY
from abbotify.simulation.scenario_warnings import LEAST_SESSIONS, sessions_to_learn_from
from abbotify.simulation.timeline import Schedule, Shard
from abbotify.world import World, digest, load_world

AUTO: Final = "auto"
MOST_VISITS: Final = 1000  # sessions a day of one user; as `visits_per_day` allows


@dataclass(frozen=True)
class Plan:
    """A scenario with its world and arms.

    Attributes:
        schedule: the scenario, its days and experiments.
        world: catalogue and users.
        arms: all arms, in file order.
        coupled: why users depend on each other; empty when they do not.
        engine: the one that plays it: `compiled` or `simpy`.
        shards: the users of each shard.
        segments: of users, in the report; None: none.
        covariates: that estimates are adjusted for, see `covariates_of`.
    """

    schedule: Schedule
    world: World
    arms: tuple[Arm, ...]
    coupled: str
    engine: str
    shards: tuple[Shard, ...]
    segments: UserSegments | SegmentBounds | None = None
    covariates: Covariates = field(default_factory=dict)

    @property
    def scenario(self) -> Scenario:
        """The description."""
        return self.schedule.scenario

    @cached_property
    def world_digest(self) -> str:
        """The digest of the world."""
        return digest(self.world)

    @property
    def learning(self) -> tuple[str, ...]:
        """Names of the arms that learn and serve somebody on some day, in file order."""
        return self.schedule.learning(self.arms)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of results must know of the world, and of what makes the run slow."""
        slow = slowing(self.schedule, self.arms)
        return (*self.world.notes, *([slow] if slow else []))


def ready(scenario: Scenario, out: Path, engine: str = AUTO, threads: int = 1) -> Plan:
    """Refuses all that a run refuses before it plays: `check` and `run` both begin with it.

    Args:
        scenario: the description.
        out: the run folder to be.
        engine: `auto`, `compiled` or `simpy`.
        threads: see `prepare`.

    Raises:
        UserError: as `prepare`, or a folder that cannot be written to.
    """
    folders.check(out)
    return prepare(scenario, engine, threads)


def prepare(scenario: Scenario, engine: str = AUTO, threads: int = 1) -> Plan:
    """Loads everything a run needs and refuses what cannot work.

    Args:
        scenario: the description.
        engine: `auto`, `compiled` or `simpy`.
        threads: that make the world.

    Raises:
        UserError: a broken file, a recommender that cannot be built, an arm without users.
    """
    if engine not in (AUTO, COMPILED, SIMPY):
        raise UserError(f"must be auto, compiled or simpy, got {engine!r}", key="--engine")
    world, schedule = load_world(scenario, threads), Schedule(scenario)
    users = len(world.users)
    _refuse_crowds(scenario, users)
    arms = build_arms(scenario, world)
    _require_users(schedule, world)
    _require_training(schedule, arms)
    _require_sessions(schedule, arms, users)
    for name, params in scenario.arms.items():
        if isinstance(params, Learner):
            params.check(world, scenario, ("arms", name))
    coupled = coupling(schedule, arms)
    return Plan(
        schedule,
        world,
        arms,
        coupled,
        COMPILED if engine == AUTO else engine,
        timeline.shards(scenario, users, bool(coupled)),
        segments_of(schedule, world),
        covariates_of(schedule, world),
    )


def _require_users(schedule: Schedule, world: World) -> None:
    for layer in schedule.layers:
        try:
            require_users(layer, world.users.ids)
        except UserError as error:  # it knows the arm, the scenario knows the line
            arm = (error.key or "").removeprefix("arms.")
            raise schedule.scenario.error(error.what, ("arms", arm)) from None


def _require_training(schedule: Schedule, arms: tuple[Arm, ...]) -> None:
    scenario = schedule.scenario
    # The scenario knows of its own recommenders; that a plug-in learns is known once it is loaded.
    learning = [arm.name for arm in arms if not arm.trained]
    for name in learning:
        place = serves_untrained(scenario, name)
        if place is not None:
            raise scenario.error(untrained(name), ("timeline", place, "phase"))
    if learning and schedule.trains and scenario.log.level != "events":
        raise scenario.error("must be events: arms are trained on the log", ("log", "level"))


def _require_sessions(schedule: Schedule, arms: tuple[Arm, ...], users: int) -> None:
    """Refuses trainings that are certain to have nothing to learn from."""
    scenario, learning = schedule.scenario, schedule.learning(arms)
    if not learning or not schedule.trains:
        return
    if sessions_to_learn_from(scenario, users) < LEAST_SESSIONS:
        what = f"no session is expected before {', '.join(learning)} are trained"
        raise scenario.error(f"{what}: there is nothing to learn from", ("arrivals",))
    for name in learning:
        if isinstance(scenario.arms[name], Neural) and scenario.listener.max_tracks == 1:
            what = f"{name} learns from recommended tracks, and sessions of one track have none"
            raise scenario.error(what, ("listener", "max_tracks"))


def _refuse_crowds(scenario: Scenario, users: int) -> None:
    sessions = scenario.arrivals.sessions
    if sessions is not None and sessions > MOST_VISITS * users:
        what = f"at most {MOST_VISITS:,} sessions a day for each of the {users:,} users"
        raise scenario.error(f"{what}, got {sessions:,.0f}", ("arrivals", "sessions"))
