"""Arms: a recommender, its fallback, a weight, a latency and a service; and which there are.

The shipped ones lie above, in the modules of `abbotify/recommenders/shipped`, with keys of their
own. As plug-ins they are looked up by name, when a scenario is first read: no import leads there.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from functools import cache, reduce
from importlib import import_module
from operator import or_
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, get_args

from pydantic import ConfigDict, Discriminator, Field, GetCoreSchemaHandler, Tag, create_model
from pydantic_core import CoreSchema

from abbotify.scenario.base import Latency, Milliseconds, Model

Pick = Literal["uniform", "rank", "first_unseen"]
Anchor = Literal["first", "previous"]
Size = Annotated[int, Field(ge=1, le=100_000_000)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Dims = Annotated[int, Field(ge=1, le=4096)]
Rate = Annotated[float, Field(gt=0, le=100)]
Positive = Annotated[float, Field(gt=0, le=1e6)]
Weight = Annotated[float, Field(ge=0, le=1e6)]

_SHIPPED: Final = "abbotify.recommenders.shipped"


class Choice:
    """Marks a type that is one of several models, which are looked up when it is first used.

    Args:
        models: the models by their tags.
        tag: a value -> the tag of its model, or another text when there is none.
    """

    def __init__(self, models: Callable[[], Mapping[str, Any]], tag: Callable[[Any], str]) -> None:
        self._models, self._tag = models, tag

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        parts = [Annotated[model, Tag(tag)] for tag, model in self._models().items()]
        union: Any = reduce(or_, parts)
        return handler.generate_schema(Annotated[union, Discriminator(self._tag)])


def name_of(value: Any) -> str:
    """The tag of a recommender's mapping or model: its name, or `plugin`; "" when it has none."""
    keys = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    name = keys.get("recommender")
    if not isinstance(name, str):
        return ""
    return "plugin" if ":" in name else name if name in shipped() else ""


def _fallback_tag(value: Any) -> str:
    return "name" if isinstance(value, str) else name_of(value)


def _fallbacks() -> Mapping[str, Any]:
    models = {name: kind for name, kind in shipped().items() if kind.stands_in}
    bare = tuple(name for name, kind in models.items() if kind.needs_no_keys)
    return {"name": Literal[bare], **models, "plugin": Plugin}


class RecommenderSpec(Model):
    """The keys of every recommender: its name, and what stands in for it on a miss.

    Attributes:
        learns: it is trained on the log before it serves.
        stands_in: it may be a fallback.
        needs_no_keys: as a fallback its bare name is enough.
    """

    model_config = ConfigDict(defer_build=True)
    learns: ClassVar[bool] = False
    stands_in: ClassVar[bool] = False
    needs_no_keys: ClassVar[bool] = False

    recommender: str
    fallback: Annotated[Any, Choice(_fallbacks, _fallback_tag)] | None = None


class Plugin(RecommenderSpec):
    """A recommender of the user's own: `recommenders/file.py:Class` or `module:Class`.

    Every further key is a parameter, checked against the class's `Params` when it is loaded.
    """

    model_config = ConfigDict(extra="allow")
    recommender: Annotated[str, Field(pattern=r"^[^:]+:[A-Za-z_][A-Za-z0-9_]*$")]

    @property
    def params(self) -> dict[str, Any]:
        """The keys that belong to the plug-in, in file order."""
        return dict(self.__pydantic_extra__ or {})


@cache
def shipped() -> Mapping[str, type[RecommenderSpec]]:
    """The shipped recommenders by name: every class of their folder that says what it is called."""
    kinds: dict[str, type[RecommenderSpec]] = {}
    folder = Path(__file__).parents[1] / "recommenders" / "shipped"
    for file in pkgutil.iter_modules([str(folder)]):
        module = import_module(f"{_SHIPPED}.{file.name}")
        classes = [value for value in vars(module).values() if isinstance(value, type)]
        for kind in classes:
            if issubclass(kind, RecommenderSpec) and kind.__module__ == module.__name__:
                names = get_args(kind.model_fields["recommender"].annotation)
                kinds.update(dict.fromkeys(names, kind))
    # Those that may be a fallback first, then those that are trained.
    ordered = sorted(kinds.items(), key=lambda item: (not item[1].stands_in, not item[1].learns))
    return dict(ordered)


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
