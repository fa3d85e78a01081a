"""The rules between parts of a scenario: what fits together, and what a run could not measure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from abbotify.files.yaml import KeyPath
from abbotify.scenario.base import Uniform, at_key
from abbotify.scenario.recommenders import ArmOptions
from abbotify.scenario.timeline import Collect, ExperimentDays, Pre, Train
from abbotify.typed import nearest

if TYPE_CHECKING:
    from abbotify.scenario.scenario import Scenario

HASHED_FOR: Final = ("traffic", "collect", "truth")
"""What users are hashed for by `NAME:...`, beside their arms."""

LEAST_ALPHA: Final = 1e-6
MOST_ALPHA: Final = 0.5
_MOST: Final = 1e9  # of a sum over days: no user listens as often
_SHARES: Final = ("skip_rate", "repeat_rate", "artist_diversity", "retained")


def check(scenario: Scenario) -> None:
    """Refuses a scenario whose parts do not fit together.

    Raises:
        ValueError: it has not exactly one of `experiment` and `experiments`.
        PydanticCustomError: the first key that does not fit the others.
    """
    if (scenario.experiment is None) == (scenario.experiments is None):
        raise ValueError("needs exactly one of experiment and experiments")
    for rule in (_name, _experiments, _training, _timeline, _metrics, _decisions):
        for key, what in rule(scenario):
            raise at_key(key, what)


Mistakes: TypeAlias = Iterator[tuple[KeyPath, str]]
"""A key that does not fit, and the rule; of several the first is told."""


def _name(scenario: Scenario) -> Mistakes:
    if scenario.name.strip(". ") == "":
        yield ("name",), "must not consist of dots and spaces"


def _arms(scenario: Scenario, names: Mapping[KeyPath, str]) -> Mistakes:
    """Names of no arm."""
    for key, name in names.items():
        if name not in scenario.arms:
            yield key, f"no arm is named {name!r}{nearest(name, list(scenario.arms))}"


def _experiments(scenario: Scenario) -> Mistakes:
    for i, layer in enumerate(scenario.layers):
        place = scenario.place(i)
        listed = {(*place, "arms", j): name for j, name in enumerate(layer.arms or ())}
        yield from _arms(scenario, {**listed, (*place, "control"): layer.control})
        if layer.arms is not None and layer.control not in layer.arms:
            yield (*place, "control"), f"{layer.control!r} is not among the experiment's arms"
        if layer.arms is not None and len(set(layer.arms)) < len(layer.arms):
            yield (*place, "arms"), "names an arm twice"
        arms = scenario.arms_of(layer)
        for name in arms:
            if scenario.arms[name].weight == 0:
                yield ("arms", name, "weight"), f"must be above 0 in {layer.name}"
        if not 2 <= len(arms) <= 10:
            yield place, f"needs 2 to 10 arms of weight above 0, got {len(arms)}"
    names = [layer.name for layer in scenario.layers]
    if len(set(names)) < len(names):
        yield ("experiments",), "two experiments have the same name"
    for i, name in enumerate(names):
        first, _, use = name.rpartition(":")
        if first in names and use in HASHED_FOR:
            what = f"its users would be split as {first} draws its {use}: choose another name"
            yield ("experiments", i, "name"), what


def _timeline(scenario: Scenario) -> Mistakes:
    """A timeline that names no arm, lacks an experiment or is too long."""
    experiment = False
    for i, phase in enumerate(scenario.timeline):
        if isinstance(phase, Collect):
            names: dict[KeyPath, str] = {
                ("timeline", i, "traffic", name): name for name in phase.traffic
            }
            yield from _arms(scenario, names)
        if isinstance(phase, Pre):
            yield from _arms(scenario, {("timeline", i, "recommender"): phase.recommender})
        if experiment and not isinstance(phase, ExperimentDays):
            yield ("timeline", i, "phase"), f"{phase.phase} must come before the experiment"
        experiment = experiment or isinstance(phase, ExperimentDays)
    if not experiment:
        yield ("timeline",), "needs a phase: experiment"
    if scenario.days > 3650:
        yield ("timeline",), f"must not have more than 3650 days, got {scenario.days}"


def _training(scenario: Scenario) -> Mistakes:
    """Arms that learn are trained before they serve, and there is something to train them on."""
    kinds = [phase.phase for phase in scenario.timeline]
    if "train" in kinds and "collect" not in kinds[: kinds.index("train")]:
        yield ("timeline", kinds.index("train"), "phase"), "train needs a phase: collect before it"
    for name, arm in scenario.arms.items():
        place = serves_untrained(scenario, name) if arm.learns else None
        if place is not None:
            yield ("timeline", place, "phase"), untrained(name)
    if "train" in kinds and scenario.log.level != "events":
        yield ("log", "level"), "must be events: arms are trained on the log"


def untrained(name: str) -> str:
    """The message about an arm that would have to serve before it is trained."""
    return f"{name} learns: it needs a phase: train before it serves"


def serves_untrained(scenario: Scenario, name: str) -> int | None:
    """The number of the first phase in which an arm serves before any training; or None."""
    for number, phase in enumerate(scenario.timeline):
        match phase:
            case Pre():
                serving = phase.recommender == name
            case Collect():
                serving = phase.traffic.get(name, 0) > 0
            case Train():
                return None
            case ExperimentDays():
                serving = any(name in scenario.arms_of(layer) for layer in scenario.layers)
        if serving:
            return number
    return None


def _metrics(scenario: Scenario) -> Mistakes:
    """Metrics and looks that the timeline has no days for."""
    days, metrics = scenario.experiment_days, scenario.metrics
    if days == scenario.days:
        before = "needs days before the experiment: a phase pre or collect"
        for number, each in enumerate(metrics.covariates):
            if isinstance(each, str):
                yield ("metrics", "covariates", number), f"{each} {before}"
        if metrics.estimator == "cuped" and not metrics.covariates:
            yield ("metrics", "estimator"), f"cuped {before}"
        by = metrics.segments.by if metrics.segments else None
        if by and by.startswith("pre_"):
            yield ("metrics", "segments", "by"), f"{by} {before}"
    first = scenario.layers[0]
    if metrics.guardrails and first.alpha >= 0.5:
        what = f"must be below 0.5 for guardrails, which are one-sided, got {first.alpha}"
        yield (*scenario.place(0), "alpha"), what
    if scenario.monitoring.window_days > days:
        yield ("monitoring", "window_days"), f"must not exceed the experiment's {days} days"


def _decisions(scenario: Scenario) -> Mistakes:
    """What no run of the scenario could be decided by."""
    for number, layer in enumerate(scenario.layers):
        if not LEAST_ALPHA <= layer.alpha <= MOST_ALPHA:
            what = f"must lie between {LEAST_ALPHA:g} and {MOST_ALPHA:g}, got {layer.alpha}"
            yield (*scenario.place(number), "alpha"), what
    days, metrics = scenario.experiment_days, scenario.metrics
    if metrics.retained_days > days:
        yield ("metrics", "retained_days"), f"must not exceed the experiment's {days} days"
    never = {name: why for name, why in constant(scenario) if name != "mean_request_latency"}
    for number, name in enumerate(metrics.success):
        if name == "artist_diversity":
            what = "neither more nor less artist_diversity is better: it decides nothing"
            yield ("metrics", "success", number), what
        if name in never:
            yield ("metrics", "success", number), f"{name} is {never[name]}"
    for number, rail in enumerate(metrics.guardrails):
        if rail.metric in never:
            yield ("metrics", "guardrails", number), f"{rail.metric} is {never[rail.metric]}"
        most = _widest(scenario, rail.metric)
        if rail.absolute is not None and rail.absolute >= most:
            what = f"must be below {most:g}: no {rail.metric} can differ by more"
            yield ("metrics", "guardrails", number, "absolute"), what


def constant(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Metrics that are the same for all users whatever the arms do, and why."""
    slowest = max(_longest(arm) for arm in _serving(scenario))
    if slowest == 0:  # said and not refused: of answers that take no time nobody complains
        yield "mean_request_latency", "always 0: no arm of the experiment has a latency_ms"
    services = [arm.service or scenario.service for arm in _serving(scenario)]
    timed = [s.timeout_ms for s in services if s is not None and s.timeout_ms is not None]
    # Answers that take no time still wait for each other within a millisecond.
    if not timed or (slowest == 0 and min(timed) > 0):
        what = "a latency_ms: nobody waits" if timed else "a service with timeout_ms"
        yield "timeouts", f"always 0: no arm of the experiment has {what}"
    if scenario.listener.max_tracks == 1:
        alone = "sessions of one track (listener.max_tracks) have no recommendation"
        yield from ((name, f"undefined: {alone}") for name in ("skip_rate", "repeat_rate"))
        for name in ("mean_tracks_per_session", "artist_diversity"):
            yield name, f"always 1: {alone}"
    elif scenario.listener.skip_below == 0:
        yield "skip_rate", "always 0: no track is listened to less than 0 (listener.skip_below)"
    exposed = scenario.metrics.population == "exposed"
    if exposed and scenario.metrics.retained_days == scenario.experiment_days:
        when = "every exposed user has a session in the last retained_days, which are all days"
        yield "retained", f"always 1: {when}"


def _serving(scenario: Scenario) -> list[ArmOptions]:
    """The arms that serve users in the experiments."""
    names = dict.fromkeys(n for layer in scenario.layers for n in scenario.arms_of(layer))
    return [scenario.arms[name] for name in names]


def _longest(arm: ArmOptions) -> float:
    """What an answer of an arm takes at most, in ms, without waiting for it."""
    if isinstance(arm.latency_ms, int):
        return arm.latency_ms
    return arm.latency_ms.high if isinstance(arm.latency_ms, Uniform) else math.inf


def _widest(scenario: Scenario, metric: str) -> float:
    """By how much a metric can differ between two users at most."""
    if metric in _SHARES:
        return 1.0
    if metric in ("mean_time_per_session", "mean_tracks_per_session"):
        return float(scenario.listener.max_tracks)
    queues = scenario.service is not None or any(arm.service for arm in _serving(scenario))
    if metric == "mean_request_latency" and not queues:
        return min(_MOST, max(_longest(arm) for arm in _serving(scenario)) or _MOST)
    return _MOST
