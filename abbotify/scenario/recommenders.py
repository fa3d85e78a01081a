"""The parameters of the shipped recommenders, as they stand in an arm or a fallback."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from abbotify.scenario.base import FilePath, Model, Share

Pick = Literal["uniform", "rank", "first_unseen"]
Anchor = Literal["first", "previous"]
Size = Annotated[int, Field(ge=1, le=100_000_000)]


class RecommenderSpec(Model):
    """What every recommender has: a name, and what stands in for it on a miss."""

    recommender: str
    fallback: Fallback | None = None


class Random(RecommenderSpec):
    """Any track, uniformly."""

    recommender: Literal["random"]


class StickyArtist(RecommenderSpec):
    """A uniform track of the previous track's artist."""

    recommender: Literal["sticky_artist"]


class StickyArtistMixed(RecommenderSpec):
    """Random after a track listened to less than `below`; else sticky, but not the same track."""

    recommender: Literal["sticky_artist_mixed"]
    below: Share = 0.3


class TopPop(RecommenderSpec):
    """Among the most popular tracks, of the catalogue or of a file (one JSON list of ids)."""

    recommender: Literal["top_pop"]
    size: Size = 100
    file: FilePath | None = None
    pick: Pick = "uniform"


class Indexed(RecommenderSpec):
    """Among the user's precomputed list: lines of `{"user": id, "tracks": [ids]}`."""

    recommender: Literal["indexed"]
    file: FilePath
    pick: Pick = "uniform"


class Contextual(RecommenderSpec):
    """Among a track's precomputed list; without a file, the catalogue's `recommendations`."""

    recommender: Literal["contextual"]
    file: FilePath | None = None
    anchor: Anchor = "previous"
    pick: Pick = "uniform"


class I2I(RecommenderSpec):
    """The first unheard track of the list of an anchor drawn from the listening history."""

    recommender: Literal["i2i"]
    file: FilePath


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


SHIPPED: dict[str, type[RecommenderSpec]] = {
    "random": Random,
    "sticky_artist": StickyArtist,
    "sticky_artist_mixed": StickyArtistMixed,
    "top_pop": TopPop,
    "indexed": Indexed,
    "contextual": Contextual,
    "i2i": I2I,
}


def kind(value: Any) -> str:
    """Which of the models a recommender's mapping belongs to; "" when it names none."""
    name = (
        value.get("recommender") if isinstance(value, dict) else getattr(value, "recommender", "")
    )
    if not isinstance(name, str):
        return ""
    return "plugin" if ":" in name else name if name in SHIPPED else ""


def _fallback_kind(value: Any) -> str:
    return "name" if isinstance(value, str) else kind(value)


FallbackName = Literal["random", "sticky_artist", "sticky_artist_mixed", "top_pop"]
Fallback = Annotated[
    Annotated[FallbackName, Tag("name")]
    | Annotated[Random, Tag("random")]
    | Annotated[StickyArtist, Tag("sticky_artist")]
    | Annotated[StickyArtistMixed, Tag("sticky_artist_mixed")]
    | Annotated[TopPop, Tag("top_pop")]
    | Annotated[Indexed, Tag("indexed")]
    | Annotated[Contextual, Tag("contextual")]
    | Annotated[I2I, Tag("i2i")]
    | Annotated[Plugin, Tag("plugin")],
    Discriminator(_fallback_kind),
]

_specs: list[type[RecommenderSpec]] = [RecommenderSpec, *SHIPPED.values(), Plugin]
for _spec in _specs:
    _spec.model_rebuild()
