"""The timeline of a scenario: its phases, and what makes a sequence of them sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from abbotify.scenario.base import Days, Model, at_key
from abbotify.scenario.learners import Learner
from abbotify.typed import nearest

if TYPE_CHECKING:
    from abbotify.scenario.scenario import Scenario

Shares = Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1)]


class Pre(Model):
    """Days before the experiment on which everybody gets one recommender (an arm's name)."""

    phase: Literal["pre"]
    days: Days
    recommender: str


class Collect(Model):
    """Days on which users are split among arms to collect a log."""

    phase: Literal["collect"]
    days: Days
    traffic: Shares

    @model_validator(mode="after")
    def _whole(self) -> Collect:
        _sum_to_one(("traffic",), list(self.traffic.values()))
        return self


class Train(Model):
    """A training of all arms that learn, on the sessions of the collect phases before it."""

    phase: Literal["train"]

    @property
    def days(self) -> int:
        """Training takes no simulated time."""
        return 0


class ExperimentDays(Model):
    """The days of the experiment.

    With `retrain: daily` arms that learn are trained again at the start of each of its days:
    `pooled` on the sessions of everybody, `own` on those the arm itself has served, `frozen` on
    none of them, so that models stay as they are; always on the collect phases' as well.
    """

    phase: Literal["experiment"]
    days: Days
    retrain: Literal["never", "daily"] = "never"
    training: Literal["pooled", "own", "frozen"] = "pooled"

    @property
    def retraining(self) -> Literal["pooled", "own"] | None:
        """What models are trained on at the start of each of its days; None where they are not."""
        # The collect log is all a frozen model ever sees: training again would change nothing.
        return None if self.retrain == "never" or self.training == "frozen" else self.training


Phase = Annotated[Pre | Collect | Train | ExperimentDays, Field(discriminator="phase")]


def check_timeline(scenario: Scenario) -> None:
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


def _check_training(scenario: Scenario) -> None:
    """Arms that learn are trained before they serve, and there is something to train them on."""
    kinds = [phase.phase for phase in scenario.timeline]
    if "train" in kinds and "collect" not in kinds[: kinds.index("train")]:
        where = ("timeline", kinds.index("train"), "phase")
        raise at_key(where, "train needs a phase: collect before it")
    for name, arm in scenario.arms.items():
        place = serves_untrained(scenario, name) if isinstance(arm, Learner) else None
        if place is not None:
            raise at_key(("timeline", place, "phase"), untrained(name))
    if "train" in kinds and scenario.log.level != "events":
        raise at_key(("log", "level"), "must be events: arms are trained on the log")


def untrained(name: str) -> str:
    """What is said of an arm that would have to serve before it is trained."""
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


def _sum_to_one(key: tuple[str, ...], shares: list[float]) -> None:
    total = sum(shares)
    if abs(total - 1.0) > 1e-9:
        raise at_key(key, f"the shares must sum to 1, got {total:.10g}")
