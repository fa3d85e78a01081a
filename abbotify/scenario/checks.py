"""The rules between parts of a scenario: what fits together, and what a run could not measure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from abbotify.scenario.arms import ArmOptions
from abbotify.scenario.base import Uniform, at_key
from abbotify.scenario.description import Description
from abbotify.scenario.timeline import Collect, ExperimentDays, Pre, Train
from abbotify.typed import nearest

HASHED_FOR: Final = ("traffic", "collect", "truth")
"""What users are hashed for by `NAME:...`, beside their arms."""

LEAST_ALPHA: Final = 1e-6
MOST_ALPHA: Final = 0.5
_MOST: Final = 1e9  # of a sum over days: no user listens as often
_SHARES: Final = ("skip_rate", "repeat_rate", "artist_diversity", "retained")


def check(scenario: Description) -> None:
    """Refuses a scenario whose parts do not fit together.

    Raises:
        ValueError: it has not exactly one of `experiment` and `experiments`.
        PydanticCustomError: the first key that does not fit the others.
    """
    if (scenario.experiment is None) == (scenario.experiments is None):
        raise ValueError("needs exactly one of experiment and experiments")
    if scenario.name.strip(". ") == "":
        raise at_key(("name",), "must not consist of dots and spaces")
    _check_experiments(scenario)
    _check_timeline(scenario)
    _check_metrics(scenario)
    _check_decisions(scenario)


def _check_experiments(scenario: Description) -> None:
    known = list(scenario.arms)
    for i, layer in enumerate(scenario.layers):
        place = scenario.place(i)
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


def _check_timeline(scenario: Description) -> None:
    """Refuses a timeline that names no arm, lacks an experiment or serves what is not trained.

    Raises:
        PydanticCustomError: the first such phase.
    """
    known = list(scenario.arms)
    seen_experiment = False
    _check_training(scenario)
    for i, phase in enumerate(scenario.timeline):
        names = phase.traffic if isinstance(phase, Collect) else ()
        for name in names:
            if name not in scenario.arms:
                raise at_key(
                    ("timeline", i, "traffic", name),
                    f"no arm is named {name!r}{nearest(name, known)}",
                )
        if isinstance(phase, Pre) and phase.recommender not in scenario.arms:
            hint = nearest(phase.recommender, known)
            what = f"no arm is named {phase.recommender!r}{hint}"
            raise at_key(("timeline", i, "recommender"), what)
        if seen_experiment and not isinstance(phase, ExperimentDays):
            raise at_key(("timeline", i, "phase"), f"{phase.phase} must come before the experiment")
        seen_experiment = seen_experiment or isinstance(phase, ExperimentDays)
    if not seen_experiment:
        raise at_key(("timeline",), "needs a phase: experiment")
    if scenario.days > 3650:
        raise at_key(("timeline",), f"must not have more than 3650 days, got {scenario.days}")


def _check_training(scenario: Description) -> None:
    """Arms that learn are trained before they serve, and there is something to train them on."""
    kinds = [phase.phase for phase in scenario.timeline]
    if "train" in kinds and "collect" not in kinds[: kinds.index("train")]:
        where = ("timeline", kinds.index("train"), "phase")
        raise at_key(where, "train needs a phase: collect before it")
    for name, arm in scenario.arms.items():
        place = serves_untrained(scenario, name) if arm.learns else None
        if place is not None:
            raise at_key(("timeline", place, "phase"), untrained(name))
    if "train" in kinds and scenario.log.level != "events":
        raise at_key(("log", "level"), "must be events: arms are trained on the log")


def untrained(name: str) -> str:
    """The message about an arm that would have to serve before it is trained."""
    return f"{name} learns: it needs a phase: train before it serves"


def serves_untrained(scenario: Description, name: str) -> int | None:
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


def _check_metrics(scenario: Description) -> None:
    """Refuses metrics and looks that the timeline has no days for."""
    days = scenario.experiment_days
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
            what = f"must be below 0.5 for guardrails, which are one-sided, got {layer.alpha}"
            raise at_key((*scenario.place(number), "alpha"), what)
    if scenario.monitoring.window_days > days:
        what = f"must not exceed the experiment's {days} days"
        raise at_key(("monitoring", "window_days"), what)


def _check_decisions(scenario: Description) -> None:
    """Refuses what no run of the scenario could be decided by.

    Raises:
        PydanticCustomError: the first such key.
    """
    for number, layer in enumerate(scenario.layers):
        if not LEAST_ALPHA <= layer.alpha <= MOST_ALPHA:
            what = f"must lie between {LEAST_ALPHA:g} and {MOST_ALPHA:g}, got {layer.alpha}"
            raise at_key((*scenario.place(number), "alpha"), what)
    if scenario.metrics.retained_days > scenario.experiment_days:
        what = f"must not exceed the experiment's {scenario.experiment_days} days"
        raise at_key(("metrics", "retained_days"), what)
    never = {name: why for name, why in constant(scenario) if name != "mean_request_latency"}
    for number, name in enumerate(scenario.metrics.success):
        if name == "artist_diversity":
            what = "neither more nor less artist_diversity is better: it decides nothing"
            raise at_key(("metrics", "success", number), what)
        if name in never:
            raise at_key(("metrics", "success", number), f"{name} is {never[name]}")
    for number, rail in enumerate(scenario.metrics.guardrails):
        if rail.metric in never:
            what = f"{rail.metric} is {never[rail.metric]}"
            raise at_key(("metrics", "guardrails", number), what)
        most = _widest(scenario, rail.metric)
        if rail.absolute is not None and rail.absolute >= most:
            what = f"must be below {most:g}: no {rail.metric} can differ by more"
            raise at_key(("metrics", "guardrails", number, "absolute"), what)


def constant(scenario: Description) -> Iterator[tuple[str, str]]:
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


def _serving(scenario: Description) -> list[ArmOptions]:
    """The arms that serve users in the experiments."""
    names = dict.fromkeys(n for layer in scenario.layers for n in scenario.arms_of(layer))
    return [scenario.arms[name] for name in names]


def _longest(arm: ArmOptions) -> float:
    """What an answer of an arm takes at most, in ms, without waiting for it."""
    if isinstance(arm.latency_ms, int):
        return arm.latency_ms
    return arm.latency_ms.high if isinstance(arm.latency_ms, Uniform) else math.inf


def _widest(scenario: Description, metric: str) -> float:
    """By how much a metric can differ between two users at most."""
    if metric in _SHARES:
        return 1.0
    if metric in ("mean_time_per_session", "mean_tracks_per_session"):
        return float(scenario.listener.max_tracks)
    queues = scenario.service is not None or any(arm.service for arm in _serving(scenario))
    if metric == "mean_request_latency" and not queues:
        return min(_MOST, max(_longest(arm) for arm in _serving(scenario)) or _MOST)
    return _MOST
