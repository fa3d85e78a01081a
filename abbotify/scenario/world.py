"""The `world` part of the scenario: where the catalogue and the users come from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from abbotify.scenario.base import FilePath, Model, Pair, Share, Tuple

Count = Annotated[int, Field(ge=1, le=100_000_000)]
Dims = Annotated[int, Field(ge=1, le=4096)]


class SyntheticCatalogue(Model):
    """A made-up catalogue: genres hold artists, artists hold tracks, tastes cluster alike.

    A track's vector is the sum of a genre's, an artist's and its own part; `genre_share` and
    `artist_share` say how the expected squared norm is divided, the rest is the track's own.
    """

    source: Literal["synthetic"] = "synthetic"
    tracks: Count = 50_000
    artists: Count = 8_000
    genres: Count = 30
    dims: Dims = 64
    squared_norm: Annotated[float, Field(ge=0, le=1e6)] = 10.0
    genre_share: Share = 0.35
    artist_share: Share = 0.35
    popularity_exponent: Annotated[float, Field(ge=0, le=5)] = 1.0

    @model_validator(mode="after")
    def _nested(self) -> SyntheticCatalogue:
        if self.artists > self.tracks:
            raise ValueError(f"artists ({self.artists}) must not exceed tracks ({self.tracks})")
        if self.genres > self.artists:
            raise ValueError(f"genres ({self.genres}) must not exceed artists ({self.artists})")
        if self.genre_share + self.artist_share > 1:
            raise ValueError("genre_share and artist_share must not exceed 1 together")
        return self


class PlantedCatalogue(Model):
    """Groups of tracks that every listener hears to one known fraction: a planted effect.

    Track 0 is everybody's interest; the tracks of a group are its genre, and are listened to the
    group's fraction exactly, by users of bias 0 and sharpness 1.
    """

    source: Literal["planted"]
    groups: Annotated[dict[str, Annotated[float, Field(gt=0, lt=1)]], Field(min_length=1)]
    tracks_per_group: Count = 2_000


class BotifyCatalogue(Model):
    """The original's files: tracks as JSON lines, embeddings as `.npy` (row = track id)."""

    source: Literal["botify"]
    tracks: FilePath
    embeddings: FilePath


class LastfmCatalogue(Model):
    """HetRec 2011 Last.fm: artists expanded to tracks, vectors factorised from play counts."""

    source: Literal["lastfm"]
    folder: FilePath
    tracks_per_artist: Annotated[int, Field(ge=1, le=1000)] = 5
    dims: Dims = 64


class ListsCatalogue(Model):
    """Vectors fitted to the co-occurrence of users' interests and given recommendation lists."""

    source: Literal["lists"]
    users: FilePath
    files: Annotated[Tuple[FilePath], Field(min_length=1)]
    tracks: FilePath | None = None
    dims: Dims = 64


def _source(value: Any) -> str:
    given = (
        value.get("source", "synthetic")
        if isinstance(value, dict)
        else getattr(value, "source", "")
    )
    return str(given)


CatalogueSpec = Annotated[
    Annotated[SyntheticCatalogue, Tag("synthetic")]
    | Annotated[PlantedCatalogue, Tag("planted")]
    | Annotated[BotifyCatalogue, Tag("botify")]
    | Annotated[LastfmCatalogue, Tag("lastfm")]
    | Annotated[ListsCatalogue, Tag("lists")],
    Discriminator(_source),
]


class Between(Model):
    """Drawn uniformly between two bounds."""

    uniform: Pair


class BetweenOrInverse(Model):
    """Drawn uniformly between two bounds, then inverted in half of the cases: U(a, b) ** (+-1)."""

    uniform_or_inverse: Pair


class OneAndBinomial(Model):
    """1 + Binomial(n, p)."""

    one_and_binomial: Annotated[
        tuple[Annotated[int, Field(ge=1, le=100)], Share], Field(strict=False)
    ]


Trait = float | Between | BetweenOrInverse
Interests = Annotated[int, Field(ge=1, le=1000)] | OneAndBinomial


class _DrawnTraits(Model):
    interests: Interests = 3
    bias: Trait = Between(uniform=(0.0, 10.0))
    sharpness: Trait = BetweenOrInverse(uniform_or_inverse=(1.0, 2.0))


class SyntheticUsers(_DrawnTraits):
    """Drawn users: interests by track popularity, bias and sharpness as in the original."""

    source: Literal["synthetic"] = "synthetic"
    count: Count = 10_000


class BotifyUsers(Model):
    """The original's users file (JSON lines)."""

    source: Literal["botify"]
    file: FilePath


class LastfmUsers(_DrawnTraits):
    """The listeners of HetRec 2011 Last.fm, interests drawn by their play counts."""

    source: Literal["lastfm"]
    folder: FilePath


UsersSpec = Annotated[
    Annotated[SyntheticUsers, Tag("synthetic")]
    | Annotated[BotifyUsers, Tag("botify")]
    | Annotated[LastfmUsers, Tag("lastfm")],
    Discriminator(_source),
]


class WorldSpec(Model):
    """Catalogue and users, each from a source of its own."""

    catalogue: CatalogueSpec = SyntheticCatalogue()
    users: UsersSpec = SyntheticUsers()
