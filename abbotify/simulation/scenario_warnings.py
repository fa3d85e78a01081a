"""What a run may be of no use for, from what is expected of it before it starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from abbotify.eventlog.schema import MS_PER_DAY
from abbotify.files.yaml import KeyPath
from abbotify.recommenders.arms import Arm
from abbotify.recommenders.shipped.neural import Neural
from abbotify.scenario import Scenario
from abbotify.scenario.base import Exponential, Latency, Uniform
from abbotify.scenario.checks import constant
from abbotify.scenario.metrics import Guardrail
from abbotify.scenario.timeline import Collect, Train
from abbotify.simulation.coupling import interference
from abbotify.simulation.listener.session import hundredths
from abbotify.simulation.timeline import Schedule
from abbotify.stats.effects import LEAST_USERS
from abbotify.world import World

LEAST_SESSIONS: Final = 1.0
"""Expected before a training: with fewer there is nothing to learn from, and a run is refused."""

_FEW_SESSIONS: Final = 100
_FEW_HELD_OUT: Final = 20
_FAST: Final = 1.0  # a learning rate
_HALF: Final = 50.0  # per cent
_SLOW: Final = MS_PER_DAY // 24
_SAMPLE: Final = 64  # users, and tracks, whose listening is looked at

Caution = tuple[KeyPath, str]


def cautions(schedule: Schedule, world: World, arms: Sequence[Arm]) -> list[str]:
    """What a run may be of no use for, a line each with file, line and key.

    Args:
        schedule: of the run.
        world: its world.
        arms: all arms, as built.
    """
    scenario, users = schedule.scenario, len(world.users)
    warnings = [
        *_users(schedule, world),
        *_ramps(schedule),
        *_trainings(schedule, users, arms),
        *_sessions(schedule, world, arms),
        *_listening(world),
        *_constants(scenario),
        *_margins(schedule, users),
        *_looks(scenario, users),
    ]
    return [
        *(str(scenario.error(what, key)) for key, what in warnings),
        *interference(scenario, arms),
    ]


def sessions_to_learn_from(scenario: Scenario, users: int) -> float:
    """Sessions expected on the days before the first training."""
    days = 0
    for phase in scenario.timeline:
        if isinstance(phase, Train):
            break
        days += phase.days if isinstance(phase, Collect) else 0
    return scenario.arrivals.per_user(users) * users * days


def expected_users(schedule: Schedule, world: World) -> list[float]:
    """The users expected to come to each arm of the first experiment while they are in it."""
    layer, days = schedule.experiment, len(schedule.experiment_days)
    visits = schedule.scenario.arrivals.per_user(len(world.users))
    expected, before = np.zeros(len(layer.arms)), np.zeros(len(layer.arms))
    for day in range(len(layer.traffic)):
        codes = layer.codes(world.users.ids, day)
        admitted = np.bincount(codes[codes >= 0], minlength=len(layer.arms)).astype(float)
        expected += (admitted - before) * -np.expm1(-visits * (days - day))
        before = admitted
    return expected.tolist()


def _users(schedule: Schedule, world: World) -> Iterator[Caution]:
    arms = schedule.experiment.arms
    for name, expected in zip(arms, expected_users(schedule, world), strict=True):
        if expected < LEAST_USERS:
            yield (
                ("arms", name),
                f"about {expected:,.0f} users are expected, and a decision needs "
                f"{LEAST_USERS} in each arm",
            )


def _ramps(schedule: Schedule) -> Iterator[Caution]:
    scenario, days = schedule.scenario, len(schedule.experiment_days)
    for number, layer in enumerate(scenario.layers):
        if isinstance(layer.traffic, tuple) and len(layer.traffic) > days:
            place = ("experiment",) if scenario.experiments is None else ("experiments", number)
            what = (
                f"the experiment's {days} days never reach the last of {len(layer.traffic)} shares"
            )
            yield (*place, "traffic"), what


def _trainings(schedule: Schedule, users: int, arms: Sequence[Arm]) -> Iterator[Caution]:
    scenario, learning = schedule.scenario, schedule.learning(arms)
    if not learning or not schedule.trains:
        return
    sessions = sessions_to_learn_from(scenario, users)
    if sessions < _FEW_SESSIONS:
        what = (
            f"about {sessions:,.0f} sessions are expected before {', '.join(learning)} are trained"
        )
        yield ("timeline",), f"{what}, which may be too few to learn from"
    for name in learning:
        params, key = scenario.arms[name], ("arms", name)
        rate = getattr(params, "learning_rate", None)
        if isinstance(rate, float | int) and rate > _FAST:
            yield (*key, "learning_rate"), f"the training may diverge at a rate of {rate:g}"
        share = params.validation_share if isinstance(params, Neural) else 0.0
        if share > 0 and sessions * min(share, 1 - share) < _FEW_HELD_OUT:
            what = f"{share:g} of about {sessions:,.0f} sessions may be too few to hold out"
            yield (*key, "validation_share"), f"{what}, or to keep"


def _sessions(schedule: Schedule, world: World, arms: Sequence[Arm]) -> Iterator[Caution]:
    scenario = schedule.scenario
    longest, least = scenario.listener.max_tracks, int(world.users.budget.min())
    if longest == 1:
        what = "sessions of one track have no recommendation"
        yield ("listener", "max_tracks"), what
    elif least >= longest and not any((arm.service or scenario.service) for arm in arms):
        what = f"a budget of {least} outlasts {longest} tracks: every session is cut there"
        yield ("listener", "max_tracks"), what
    for name in (arm.name for arm in arms if arm.name in schedule.serving_arms):
        takes = _typical(scenario.arms[name].latency_ms)
        if takes >= _SLOW:
            what = f"an answer takes about {takes / _SLOW:,.0f} hours: sessions outlast the days"
            yield ("arms", name, "latency_ms"), what


def _typical(latency: Latency) -> float:
    """The mean of a latency in ms, or its median where that says more."""
    if isinstance(latency, int):
        return float(latency)
    if isinstance(latency, Uniform):
        return (latency.low + latency.high) / 2
    return latency.mean if isinstance(latency, Exponential) else latency.median


def _listening(world: World) -> Iterator[Caution]:
    catalogue, users = world.catalogue, world.users
    if len(catalogue) == 1:
        yield ("world", "catalogue"), "of one track no recommender can make a choice"
    if (users.sharpness <= 0).all():
        what = "with a sharpness of 0 or below nobody listens longer to what is liked"
        yield ("world", "users", "sharpness"), what
    shares = _listened(world)
    for value, what in ((0, "nobody listens to any track"), (100, "all tracks are heard in full")):
        if (shares == value).all():
            yield ("world", "users", "bias"), f"{what}: recommenders hardly differ"


def _listened(world: World) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Hundredths that some users listen to some tracks, those they like among them."""
    vectors, users = world.catalogue.vectors.astype(np.float64), world.users
    rows = np.unique(np.linspace(0, len(users) - 1, _SAMPLE).astype(np.int64))
    likes = users.interests.tracks[users.interests.offsets[rows]]
    some = np.unique(np.linspace(0, len(vectors) - 1, _SAMPLE).astype(np.int64))
    return np.array(
        [
            [
                hundredths(float(vectors[track] @ vectors[like]), bias, sharpness, 1.0)
                for track in (like, *some)
            ]
            for like, bias, sharpness in zip(
                likes, users.bias[rows], users.sharpness[rows], strict=True
            )
        ]
    )


def _constants(scenario: Scenario) -> Iterator[Caution]:
    known = dict(constant(scenario))
    guarded = [rail.metric for rail in scenario.metrics.guardrails]
    for kind, names in (("success", scenario.metrics.success), ("guardrails", guarded)):
        for number, name in enumerate(names):
            if name in known:
                yield ("metrics", kind, number), f"{name} is {known[name]}"


def _margins(schedule: Schedule, users: int) -> Iterator[Caution]:
    for number, rail in enumerate(schedule.scenario.metrics.guardrails):
        key = ("metrics", "guardrails", number)
        margin = rail.margin or rail.absolute or 0.0
        if margin == 0:
            yield key, f"with a margin of 0 {rail.metric} has to get better to pass"
        elif rail.margin is not None and rail.margin >= _HALF:
            yield key, f"a margin of {rail.margin:g} % lets {rail.metric} get worse by half"
        elif margin >= (most := _expected_sum(schedule, users, rail)) and rail.absolute:
            what = f"a margin of {margin:g} is no less than all {rail.metric} of a user"
            yield key, f"{what}: at most {most:.3g} are expected"


def _expected_sum(schedule: Schedule, users: int, rail: Guardrail) -> float:
    """What an exposed user is expected to have of a sum at most; infinite for other metrics."""
    if rail.metric not in ("sessions", "tracks", "time"):
        return np.inf
    scenario = schedule.scenario
    visits = scenario.arrivals.per_user(users) * len(schedule.experiment_days)
    sessions = visits / -np.expm1(-visits) if visits > 0 else 1.0
    return float(sessions * (1 if rail.metric == "sessions" else scenario.listener.max_tracks))


def _looks(scenario: Scenario, users: int) -> Iterator[Caution]:
    planned, key = scenario.monitoring.planned_users, ("monitoring", "planned_users")
    if planned is not None and planned > users:
        what = (
            f"the world's {users:,} users never reach {planned:,}: looks stay stricter than need be"
        )
        yield key, what
    elif planned is not None and planned < LEAST_USERS:
        yield key, f"the first looks spend the whole error, at {planned:,} users"
