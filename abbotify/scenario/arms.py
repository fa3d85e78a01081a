"""The arms of a scenario: a recommender with a weight, a latency and a service."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from abbotify.scenario import learners
from abbotify.scenario import recommenders as spec
from abbotify.scenario.base import Latency, Milliseconds, Model


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


class RandomArm(ArmOptions, spec.Random):
    """An arm of `random`."""


class StickyArtistArm(ArmOptions, spec.StickyArtist):
    """An arm of `sticky_artist`."""


class StickyArtistMixedArm(ArmOptions, spec.StickyArtistMixed):
    """An arm of `sticky_artist_mixed`."""


class TopPopArm(ArmOptions, spec.TopPop):
    """An arm of `top_pop`."""


class IndexedArm(ArmOptions, spec.Indexed):
    """An arm of `indexed`."""


class ContextualArm(ArmOptions, spec.Contextual):
    """An arm of `contextual`."""


class I2IArm(ArmOptions, spec.I2I):
    """An arm of `i2i`."""


class NeuralArm(ArmOptions, learners.Neural):
    """An arm of `neural`."""


class ALSArm(ArmOptions, learners.ALS):
    """An arm of `als`."""


class BPRArm(ArmOptions, learners.BPR):
    """An arm of `bpr`."""


class Item2ItemArm(ArmOptions, learners.Item2Item):
    """An arm of `item2item`."""


class LightGCNArm(ArmOptions, learners.LightGCN):
    """An arm of `lightgcn`."""


class BanditArm(ArmOptions, learners.Bandit):
    """An arm of `bandit`."""


class PluginArm(ArmOptions, spec.Plugin):
    """An arm of a recommender of the user's own."""


def _kind(value: Any) -> str:
    # As `spec.kind`, for the recommenders that an arm may have and a fallback may not.
    keys = value if isinstance(value, dict) else vars(value) if hasattr(value, "__dict__") else {}
    name = keys.get("recommender")
    return name if isinstance(name, str) and name in learners.NAMES else spec.kind(value)


Arm = Annotated[
    Annotated[RandomArm, Tag("random")]
    | Annotated[StickyArtistArm, Tag("sticky_artist")]
    | Annotated[StickyArtistMixedArm, Tag("sticky_artist_mixed")]
    | Annotated[TopPopArm, Tag("top_pop")]
    | Annotated[IndexedArm, Tag("indexed")]
    | Annotated[ContextualArm, Tag("contextual")]
    | Annotated[I2IArm, Tag("i2i")]
    | Annotated[NeuralArm, Tag("neural")]
    | Annotated[ALSArm, Tag("als")]
    | Annotated[BPRArm, Tag("bpr")]
    | Annotated[Item2ItemArm, Tag("item2item")]
    | Annotated[LightGCNArm, Tag("lightgcn")]
    | Annotated[BanditArm, Tag("bandit")]
    | Annotated[PluginArm, Tag("plugin")],
    Discriminator(_kind),
]
AnyArm = (
    RandomArm
    | StickyArtistArm
    | StickyArtistMixedArm
    | TopPopArm
    | IndexedArm
    | ContextualArm
    | I2IArm
    | NeuralArm
    | ALSArm
    | BPRArm
    | Item2ItemArm
    | LightGCNArm
    | BanditArm
    | PluginArm
)
