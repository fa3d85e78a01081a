"""The arms of a scenario: a recommender with a weight, a latency and a service."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from abbotify.scenario.base import Latency, Milliseconds, Model
from abbotify.scenario.recommenders import Choice, Plugin, RecommenderSpec, name_of, shipped


class Service(Model):
    """Replicas with a queue before them; without it nobody ever waits.

    A request still waiting after `timeout_ms` leaves the queue and gets the fallback. A wait
    longer than `patience_ms` takes one unit of the listener's budget.
    """

    replicas: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    timeout_ms: Milliseconds | None = None
    patience_ms: Milliseconds | None = None


class ArmOptions(Model):
    """What an arm has beside its recommender."""

    weight: Annotated[float, Field(ge=0, le=1e9)] = 1.0
    latency_ms: Latency = 0
    on_error: Literal["fallback", "stop"] = "fallback"
    service: Service | None = None


class AnyArm(ArmOptions, RecommenderSpec):
    """What all arms are, to those who only read them."""


class PluginArm(ArmOptions, Plugin):
    """An arm of a recommender of the user's own."""


@cache
def _arms() -> Mapping[str, type[ArmOptions]]:
    return {name: _arm(name, kind) for name, kind in shipped().items()} | {"plugin": PluginArm}


def _arm(name: str, kind: type[RecommenderSpec]) -> type[ArmOptions]:
    arm: Any = create_model(
        f"{kind.__name__}Arm",
        __base__=(ArmOptions, kind),
        __module__=__name__,
        __doc__=f"An arm of `{name}`.",
    )
    return arm


def __getattr__(name: str) -> Any:
    # Scenarios are sent to other processes, which look the classes of their arms up here.
    for arm in _arms().values() if name.endswith("Arm") else ():
        if arm.__name__ == name:
            return arm
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


Arm = Annotated[AnyArm, Choice(_arms, name_of)]
