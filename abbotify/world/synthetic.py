"""Made-up catalogues: genres hold artists, artists hold tracks, tastes cluster alike.

With the default shares (0.35 genre, 0.35 artist, 0.3 own, squared norm 10) two tracks score on
average 7.0 with each other when they share the artist, 3.5 when they share the genre, and 0
otherwise, where the standard deviation is 10 / sqrt(dims), 1.25 at 64 dimensions.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify import rng, vectors
from abbotify.rng import Purpose, Stream
from abbotify.scenario import Scenario
from abbotify.scenario.world import PlantedCatalogue, SyntheticCatalogue
from abbotify.world.base import Catalogue, unnamed_tracks
from abbotify.world.names import Artists, Genres, Titles

Floats = npt.NDArray[np.float64]

# What the draws of one track (artist, genre) are for: attempt numbers of its purpose.
_VECTOR: Final = 0
_PARENT: Final = 1  # a track's artist, an artist's genre
_APPEAL: Final = 2  # two normals, mixed into the rank of popularity

_CHUNK: Final = 65_536  # tracks drawn at a time: 33 MB of float64 at 64 dimensions
_FLATNESS: Final = 0.02  # of the artists share the first place: the largest has dozens of tracks
_GENRE_FLATNESS: Final = 0.3


def catalogue(spec: SyntheticCatalogue, seed: int) -> Catalogue:
    """The catalogue of a specification, a pure function of it and the seed of the world."""
    artist_genre = parents(seed, Purpose.ARTIST, spec.artists, spec.genres, _GENRE_FLATNESS)
    artist = parents(seed, Purpose.TRACK, spec.tracks, spec.artists, _FLATNESS)
    return replace(
        unnamed_tracks(spec.tracks),
        vectors=track_vectors(spec, seed, artist, artist_genre),
        dims=spec.dims,
        artist=artist,
        artists=Artists(spec.artists),
        genre=artist_genre[artist],
        genres=Genres(spec.genres),
        popularity=popularity(spec, seed, artist),
        titles=Titles(spec.tracks),
    )


def parents(
    seed: int, purpose: int, children: int, count: int, flatness: float
) -> npt.NDArray[np.int32]:
    """The parent of each child (a track's artist, an artist's genre); each parent has one or more.

    A keyed permutation gives every parent one child; the others choose parent p with a weight of
    1 / (p + 1 + flatness * count).

    Source: Mandelbrot, An informational theory of the statistical structure of language (1953).

    Returns:
        int32 (children).
    """
    draws = rng.uniforms(seed, Stream.CATALOGUE, rng.attempt(purpose, _PARENT), children, 2)
    weights = np.cumsum(1.0 / (np.arange(1, count + 1) + flatness * count))
    drawn = np.searchsorted(weights, draws[:, 0] * weights[-1], side="right")
    chosen = np.minimum(drawn, count - 1).astype(np.int32)
    chosen[np.argsort(draws[:, 1], kind="stable")[:count]] = np.arange(count)
    return chosen


def track_vectors(
    spec: SyntheticCatalogue,
    seed: int,
    artist: npt.NDArray[np.int32],
    artist_genre: npt.NDArray[np.int32],
) -> npt.NDArray[np.float32]:
    """A genre's, an artist's and a track's own normal vector, added.

    Returns:
        float32 (tracks, dims padded).
    """
    own_share = max(0.0, 1.0 - spec.genre_share - spec.artist_share)
    genres = _part(spec, seed, Purpose.GENRE, spec.genre_share, 0, spec.genres)
    artists = _part(spec, seed, Purpose.ARTIST, spec.artist_share, 0, spec.artists)
    artists += genres[artist_genre]
    width = -(-spec.dims // vectors.LANES) * vectors.LANES
    out = np.zeros((spec.tracks, width), np.float32)
    for start in range(0, spec.tracks, _CHUNK):
        rows = slice(start, min(start + _CHUNK, spec.tracks))
        own = _part(spec, seed, Purpose.TRACK, own_share, start, rows.stop - start)
        out[rows, : spec.dims] = own + artists[artist[rows]]
    return out


def _part(
    spec: SyntheticCatalogue, seed: int, purpose: int, share: float, first: int, rows: int
) -> Floats:
    scale = math.sqrt(spec.squared_norm * share / spec.dims)
    key = rng.attempt(purpose, _VECTOR)
    return scale * rng.normals(seed, Stream.CATALOGUE, key, rows, spec.dims, first=first)


def popularity(spec: SyntheticCatalogue, seed: int, artist: npt.NDArray[np.int32]) -> Floats:
    """Zipf popularity: the track of rank r has r ** -popularity_exponent.

    Half of the variance of what decides the rank is the artist's, so that there are popular
    artists, with unpopular tracks too.

    Returns:
        float64 (tracks).
    """

    def appeal(purpose: int, rows: int) -> Floats:
        key = rng.attempt(purpose, _APPEAL)
        return rng.normals(seed, Stream.CATALOGUE, key, rows, 1)[:, 0]

    total = appeal(Purpose.ARTIST, spec.artists)[artist] + appeal(Purpose.TRACK, spec.tracks)
    out = np.empty(spec.tracks)
    # Scalar powers: numpy's vectorised ones differ in the last bit between machines.
    exponent = -spec.popularity_exponent
    weights = [math.pow(rank, exponent) for rank in range(1, spec.tracks + 1)]
    out[np.argsort(-total, kind="stable")] = weights
    return out


_INTEREST: Final = 4.0  # a power of two: dividing by it and multiplying again is exact


def planted_catalogue(spec: PlantedCatalogue, scenario: Scenario) -> Catalogue:
    """A catalogue with a planted effect: all listeners hear a group's tracks to one known fraction.

    The interest, track 0, has the vector (4); a track of a group that is heard to the fraction p
    has the vector (logit(p) / 4). A user of bias 0 and sharpness 1 then hears sigmoid(logit(p)) =
    p. The interest's score with itself is 16 and logit(.99) is 4.6, so it is always its own
    nearest track: with `interest_neighbours: 1` every session starts with it, and with no track
    of a group. The groups follow it in file order; a group is its tracks' genre. Every track has
    an artist of its own, so nothing is discounted.

    Raises:
        ScenarioError: a fraction is not a multiple of .01: times are whole hundredths.
    """
    for name, fraction in spec.groups.items():
        if not 0.01 <= fraction <= 0.99 or abs(100 * fraction - round(100 * fraction)) > 1e-9:
            key = ("world", "catalogue", "groups", name)
            raise scenario.error(f"must be a multiple of .01 below 1, got {fraction!r}", key)
    scores = [math.log(p / (1.0 - p)) for p in spec.groups.values()]
    column = [_INTEREST, *np.repeat(scores, spec.tracks_per_group) / _INTEREST]
    count = len(column)
    genre = np.repeat(np.arange(len(spec.groups)), spec.tracks_per_group)
    popularity = np.zeros(count)
    popularity[0] = 1.0
    return replace(
        unnamed_tracks(count),
        vectors=vectors.padded(np.array(column)[:, None]),
        dims=1,
        genre=np.concatenate([[-1], genre]).astype(np.int32),
        genres=tuple(spec.groups),
        popularity=popularity,
    )
