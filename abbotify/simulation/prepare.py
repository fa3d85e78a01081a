"""A scenario made ready to run, and what can be said of the run before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from abbotify.errors import UserError
from abbotify.eventlog.schema import arm_label
from abbotify.files import folders
from abbotify.metrics.segments import SegmentBounds, UserSegments
from abbotify.recommenders import Arm, build_arms, registry
from abbotify.scenario import Scenario
from abbotify.scenario.checks import serves_untrained, untrained
from abbotify.scenario.learners import Learner, Neural
from abbotify.scenario.timeline import (
    Collect,
    ExperimentDays,
    Phase,
    Pre,
    Train,
)
from abbotify.simulation import timeline
from abbotify.simulation.assignment import Layer, layers, require_users
from abbotify.simulation.coupling import coupling, slowing
from abbotify.simulation.covariates import Covariates, covariates_of, kinds_of
from abbotify.simulation.engine import COMPILED, SIMPY
from abbotify.simulation.scenario_warnings import LEAST_SESSIONS, cautions, sessions_to_learn_from
from abbotify.simulation.worlds import describe_worlds
from abbotify.world import World, load_world

AUTO: Final = "auto"
MOST_VISITS: Final = 1000  # sessions a day of one user; as `visits_per_day` allows


@dataclass(frozen=True)
class Plan:
    """A scenario with its world and arms.

    Attributes:
        scenario: the description.
        world: catalogue and users.
        arms: all arms, in file order.
        coupled: why users depend on each other; empty when they do not.
        engine: the one that plays it: `compiled` or `simpy`.
        shards: the users' rows of each shard.
        kinds: how users are told apart in the report; None: not.
        covariates: that estimates are adjusted for, see `covariates_of`.
    """

    scenario: Scenario
    world: World
    arms: tuple[Arm, ...]
    coupled: str
    engine: str
    shards: tuple[range, ...]
    kinds: UserSegments | SegmentBounds | None = None
    covariates: Covariates = field(default_factory=dict)

    @property
    def learning(self) -> tuple[str, ...]:
        """Names of the arms that learn and serve somebody on some day, in file order."""
        serving = timeline.serving_arms(self.scenario)
        return tuple(arm.name for arm in self.arms if not arm.trained and arm.name in serving)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of results must know of the world, and of what makes the run slow."""
        slow = slowing(self.scenario, self.arms)
        return (*self.world.notes, *([slow] if slow else []))


def ready(scenario: Scenario, out: Path, engine: str = AUTO) -> Plan:
    """Refuses all that a run refuses before it plays: `check` and `run` both begin with it.

    Args:
        scenario: the description.
        out: the run folder to be.
        engine: `auto`, `compiled` or `simpy`.

    Raises:
        UserError: as `prepare`, or a folder that cannot be written to.
    """
    folders.check(out)
    return prepare(scenario, engine)


def prepare(scenario: Scenario, engine: str = AUTO) -> Plan:
    """Loads everything a run needs and refuses what cannot work.

    Args:
        scenario: the description.
        engine: `auto`, `compiled` or `simpy`.

    Raises:
        UserError: a broken file, a recommender that cannot be built, an arm without users, an
            engine that cannot play the scenario.
    """
    if engine not in (AUTO, COMPILED, SIMPY):
        raise UserError(f"must be auto, compiled or simpy, got {engine!r}", key="--engine")
    world = load_world(scenario)
    _refuse_crowds(scenario, len(world.users))
    arms = build_arms(scenario, world)
    _require_users(scenario, world)
    _require_training(scenario, arms)
    _require_sessions(scenario, arms, len(world.users))
    _check_learners(scenario, world)
    coupled = coupling(scenario, arms)
    shards = timeline.shards(scenario, len(world.users), bool(coupled))
    chosen = _engine(engine, coupled)
    kinds, covariates = kinds_of(scenario, world), covariates_of(scenario, world)
    return Plan(scenario, world, arms, coupled, chosen, shards, kinds, covariates)


def _engine(wanted: str, coupled: str) -> str:
    """The engine that plays a scenario: the compiled one wherever users do not meet."""
    if wanted == COMPILED and coupled:
        raise UserError(f"compiled cannot play this scenario: {coupled}", key="--engine")
    if wanted == AUTO:
        return SIMPY if coupled else COMPILED
    return wanted


def _require_users(scenario: Scenario, world: World) -> None:
    for layer in layers(scenario):
        try:
            require_users(layer, world.users.ids)
        except UserError as error:  # it knows the arm, the scenario knows the line
            arm = (error.key or "").removeprefix("arms.")
            raise scenario.error(error.what, ("arms", arm)) from None


def _require_training(scenario: Scenario, arms: tuple[Arm, ...]) -> None:
    # The scenario knows of its own recommenders; that a plug-in learns is known once it is loaded.
    learning = [arm.name for arm in arms if not arm.trained]
    for name in learning:
        place = serves_untrained(scenario, name)
        if place is not None:
            raise scenario.error(untrained(name), ("timeline", place, "phase"))
    if learning and timeline.trains(scenario) and scenario.log.level != "events":
        raise scenario.error("must be events: arms are trained on the log", ("log", "level"))


def _require_sessions(scenario: Scenario, arms: tuple[Arm, ...], users: int) -> None:
    """Refuses trainings that are certain to have nothing to learn from."""
    serving = timeline.serving_arms(scenario)
    learning = [arm.name for arm in arms if not arm.trained and arm.name in serving]
    if not learning or not timeline.trains(scenario):
        return
    if sessions_to_learn_from(scenario, users) < LEAST_SESSIONS:
        what = f"no session is expected before {', '.join(learning)} are trained"
        raise scenario.error(f"{what}: there is nothing to learn from", ("arrivals",))
    for name in learning:
        if isinstance(scenario.arms[name], Neural) and scenario.listener.max_tracks == 1:
            what = f"{name} learns from recommended tracks, and sessions of one track have none"
            raise scenario.error(what, ("listener", "max_tracks"))


def _check_learners(scenario: Scenario, world: World) -> None:
    for name, params in scenario.arms.items():
        if isinstance(params, Learner):
            registry.check(params, world, scenario, ("arms", name))


def _refuse_crowds(scenario: Scenario, users: int) -> None:
    sessions = scenario.arrivals.sessions
    if sessions is not None and sessions > MOST_VISITS * users:
        what = f"at most {MOST_VISITS:,} sessions a day for each of the {users:,} users"
        raise scenario.error(f"{what}, got {sessions:,.0f}", ("arrivals", "sessions"))


def describe(plan: Plan) -> str:
    """The plan as lines of text: world, arms, timeline, engine and why, expected sessions."""
    parts = [
        [f"Scenario  {plan.scenario.name}"],
        _world(plan),
        _timeline(plan),
        _arms(plan),
        *(_experiment(plan, layer) for layer in layers(plan.scenario)),
        _playing(plan),
        _truth(plan),
        [f"Warning   {text}" for text in cautions(plan.scenario, plan.world, plan.arms)],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _world(plan: Plan) -> list[str]:
    catalogue, users, spec = plan.world.catalogue, plan.world.users, plan.scenario.world
    return [
        f"World     {len(catalogue):,} tracks by {len(catalogue.artists):,} artists, "
        f"{catalogue.dims} dimensions ({spec.catalogue.source})",
        f"          {len(users):,} users ({spec.users.source})",
        *(f"          Note: {note}" for note in plan.world.notes),
    ]


def _timeline(plan: Plan) -> list[str]:
    scenario, users = plan.scenario, len(plan.world.users)
    lines: list[str] = []
    first = 0
    for phase in scenario.timeline:
        last = first + phase.days - 1
        days = f"day {first}" if first == last else f"days {first}-{last}"
        if last < first:
            days = f"before {first}"
        lines.append(f"{'Timeline' if not lines else '':9} {days:12} {_phase(phase, plan.arms)}")
        first = last + 1
    arrivals = scenario.arrivals
    if arrivals.sessions is not None:
        total = f"{arrivals.sessions * scenario.days:,.0f} in all"
        lines.append(f"Sessions  {arrivals.sessions:,.0f} expected a day ({total})")
    else:
        most = users * (arrivals.visits_per_day or 0.0)
        lines.append(
            f"Sessions  up to {most:,.0f} expected a day ({most * scenario.days:,.0f} in all): "
            "a gap starts where the last session ends"
        )
    return lines


def _phase(phase: Phase, arms: Sequence[Arm]) -> str:
    match phase:
        case Pre():
            return f"pre: everybody gets {phase.recommender}"
        case Collect():
            shares = (f"{name} {share:.4g}" for name, share in phase.traffic.items())
            return f"collect: {', '.join(shares)}"
        case Train():
            learning = [arm.name for arm in arms if not arm.trained]
            return f"train: {', '.join(learning) or 'nobody learns'}"
        case ExperimentDays():
            again = phase.retrain == "daily"
            return f"experiment, trained daily ({phase.training})" if again else "experiment"


def _arms(plan: Plan) -> list[str]:
    serving = timeline.serving_arms(plan.scenario)
    width = max(len(arm.name) for arm in plan.arms)
    lines = []
    for arm in plan.arms:
        chain = " > ".join(dict.fromkeys(link.name for link in arm.chain))
        unused = "" if arm.name in serving else " (serves nobody)"
        lines.append(f"  {arm.name:{width}}  {chain}, {_service(plan.scenario, arm)}{unused}")
    return ["Arms      recommender > fallbacks, service", *lines]


def _service(scenario: Scenario, arm: Arm) -> str:
    latency, service = arm.latency, arm.service or scenario.service
    took = f"{latency} ms" if isinstance(latency, int) else f"{latency.distribution} latency"
    if service is None:
        return took
    shared = " shared" if arm.service is None else ""
    return f"{took}, {service.replicas}{shared} replica{'s' * (service.replicas > 1)} with a queue"


def _experiment(plan: Plan, layer: Layer) -> list[str]:
    codes = layer.codes(plan.world.users.ids, len(layer.traffic) - 1)
    width = max(len(name) for name in layer.arms)
    lines = [
        f"  {arm_label(code):3} {name:{width}}  {int((codes == code).sum()):>9,} users"
        for code, name in enumerate(layer.arms)
    ]
    outside = int((codes < 0).sum())
    if outside:
        lines.append(f"      {'(outside)':{width}}  {outside:>9,} users")
    return [f"Experiment {layer.name}", *lines]


def _truth(plan: Plan) -> list[str]:
    scenario, ids = plan.scenario, plan.world.users.ids
    if not scenario.truth:
        return []
    return describe_worlds(scenario, ids, plan.learning, bool(plan.coupled))


def _playing(plan: Plan) -> list[str]:
    if plan.coupled:
        what = "simpy (event-driven): it runs every scenario, and the compiled engine not this one."
        why = f"Coupled: {plan.coupled}; one unit of work over all users and days."
        slow = slowing(plan.scenario, plan.arms)
        return [
            f"Engine    {what}",
            f"          {why}",
            *([f"          Note: {slow}."] * bool(slow)),
        ]
    what = "simpy (event-driven), as asked; the compiled engine gives the same log."
    if plan.engine == COMPILED:
        what = "compiled: users do not meet, and every arm is lists of tracks or answers batches."
    count, days = len(plan.shards), plan.scenario.days
    units = f"{count} shard{'s' * (count > 1)} x {days} day{'s' * (days > 1)}"
    lines = [f"Engine    {what}", f"          {units}."]
    asked = [arm for arm in plan.arms if arm.trained and not arm.lowers]
    lines += [f"          {arm.name} is asked in rounds: {arm.why_not}." for arm in asked]
    return lines
