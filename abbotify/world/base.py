"""The world as plain arrays: a catalogue of tracks and the users who listen to it.

A track's id is its row number in the catalogue. Users have ids of their own, sorted; a user's
row is the position in that order.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.digests import digest_data
from abbotify.world.names import Numbered

IntArray = npt.NDArray[np.int64]

TRACK_MS: Final = 180_000  # about three minutes, where the source does not say
_NAMES: Final = ("artists", "genres", "titles")


class Lists(NamedTuple):
    """Lists of track ids, one for each row: `tracks[offsets[row]:offsets[row + 1]]`.

    Attributes:
        offsets: int64 (rows + 1).
        tracks: int32 (offsets[-1]).
    """

    offsets: IntArray
    tracks: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Catalogue:
    """The tracks, by id.

    Attributes:
        vectors: float32 (tracks, dims padded to a multiple of 16), C-contiguous.
        dims: how many of the dimensions are real.
        artist: int32 (tracks), index into `artists`.
        artists: names.
        genre: int32 (tracks), index into `genres`, or -1 where unknown.
        genres: names.
        popularity: float64 (tracks), any non-negative scale.
        titles: names; synthetic catalogues make them up when asked.
        duration_ms: int64 (tracks).
        recommendations: precomputed lists per track, where the source has them.
    """

    vectors: npt.NDArray[np.float32]
    dims: int
    artist: npt.NDArray[np.int32]
    artists: Sequence[str]
    genre: npt.NDArray[np.int32]
    genres: Sequence[str]
    popularity: npt.NDArray[np.float64]
    titles: Sequence[str]
    duration_ms: IntArray
    recommendations: Lists | None = None

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True)
class Users:
    """The listeners, sorted by id.

    Attributes:
        ids: int64 (users), ascending, non-negative.
        interests: for each user, the track ids a session's taste is picked from.
        bias: float64 (users).
        sharpness: float64 (users).
        budget: int64 (users), what a session starts with.
        neighbours: int64 (users), how many of the nearest tracks may come first.
        gamma: float64 (users), the discount of a repeated artist.
    """

    ids: IntArray
    interests: Lists
    bias: npt.NDArray[np.float64]
    sharpness: npt.NDArray[np.float64]
    budget: IntArray
    neighbours: IntArray
    gamma: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class World:
    """Catalogue, users, and for every track that is somebody's interest its nearest tracks.

    Attributes:
        nearest: int32 (tracks, k), sorted by (-score, id); rows of tracks that are nobody's
            interest are not filled (-1). k is the largest `neighbours` of a user.
        notes: what a reader of results must know, such as "fitted to the lists it judges".
    """

    catalogue: Catalogue
    users: Users
    nearest: npt.NDArray[np.int32]
    notes: tuple[str, ...] = ()


def digest(world: World) -> str:
    """The SHA-256 of all arrays and names of a world, as `sha256:...`.

    Worlds are sorted by id when they are loaded, so the order of lines in files has no part.
    """
    catalogue = vars(world.catalogue)
    # One text for all names of a kind: a million texts of their own take ten times as long.
    names = {name: json.dumps(list(catalogue[name])) for name in _NAMES}
    parts = {"catalogue": catalogue | names, "users": vars(world.users), "nearest": world.nearest}
    return digest_data(parts)


def unnamed_tracks(count: int) -> Catalogue:
    """Tracks of which nothing is known: no dimensions, no genres, each of an artist of its own.

    The source of a catalogue replaces what it knows; popularities are 1.
    """
    return Catalogue(
        vectors=np.zeros((count, 0), np.float32),
        dims=0,
        artist=np.arange(count, dtype=np.int32),
        artists=Numbered("artist", count),
        genre=np.full(count, -1, np.int32),
        genres=(),
        popularity=np.ones(count),
        titles=Numbered("track", count),
        duration_ms=np.full(count, TRACK_MS, np.int64),
    )
