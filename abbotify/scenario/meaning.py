"""What an experiment may be judged by: error rates, metrics and margins that can mean something."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from abbotify.scenario.arms import ArmOptions
from abbotify.scenario.base import Uniform, at_key
from abbotify.scenario.timeline import ExperimentDays

if TYPE_CHECKING:
    from abbotify.scenario.scenario import Scenario

LEAST_ALPHA: Final = 1e-6
MOST_ALPHA: Final = 0.5
_MOST: Final = 1e9  # of a sum over days: no user listens as often
_SHARES: Final = ("skip_rate", "repeat_rate", "artist_diversity", "retained")


def check_meaning(scenario: Scenario) -> None:
    """Refuses what no run of the scenario could be judged by.

    Raises:
        PydanticCustomError: the first such key.
    """
    for number, layer in enumerate(scenario.layers):
        if not LEAST_ALPHA <= layer.alpha <= MOST_ALPHA:
            place = ("experiment",) if scenario.experiments is None else ("experiments", number)
            what = f"must lie between {LEAST_ALPHA:g} and {MOST_ALPHA:g}, got {layer.alpha}"
            raise at_key((*place, "alpha"), what)
    if scenario.metrics.retained_days > _days(scenario):
        what = f"must not exceed the experiment's {_days(scenario)} days"
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


def _days(scenario: Scenario) -> int:
    return sum(phase.days for phase in scenario.timeline if isinstance(phase, ExperimentDays))


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
    if exposed and scenario.metrics.retained_days == _days(scenario):
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
