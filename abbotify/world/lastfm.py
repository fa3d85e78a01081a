"""HetRec 2011 Last.fm: artists expanded to tracks, tastes factorised from the play counts.

Source: Cantador, Brusilovsky, Kuflik: Second workshop on information heterogeneity and fusion in
recommender systems (HetRec 2011). The data set is for research use and is not redistributed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify import rng
from abbotify.errors import DataError
from abbotify.rng import Purpose, Stream
from abbotify.scenario import Scenario
from abbotify.scenario.world import LastfmCatalogue, LastfmUsers
from abbotify.typed import one_line
from abbotify.world.base import Catalogue, IntArray, Users, unnamed_tracks
from abbotify.world.factorise import counts_of, scaled, track_vectors
from abbotify.world.json_lines import text_lines
from abbotify.world.names import ArtistTracks
from abbotify.world.synthetic_users import Pool, draw_users

_OWN_SHARE: Final = 0.15  # of a track's expected squared norm; the rest is its artist's
_MAX_ID: Final = 2**31 - 1
_MAX_PLAYS: Final = 10**12  # sums of them stay far inside int64


class Plays(NamedTuple):
    """Who plays whom, sorted by (user, artist).

    Attributes:
        names: the artists, by their id in the data set.
        users: int64 (rows), ids.
        artists: int64 (rows), rows of `names`.
        plays: int64 (rows), positive.
    """

    names: tuple[str, ...]
    users: IntArray
    artists: IntArray
    plays: IntArray


def read_plays(folder: Path) -> Plays:
    """The files `artists.dat` and `user_artists.dat` of a folder.

    Raises:
        DataError: a file is missing or empty, or a row is broken, comes twice or names an
            artist that is not in `artists.dat`.
    """
    names = _read_artists(folder / "artists.dat")
    row_of = {artist: row for row, artist in enumerate(names)}
    file = folder / "user_artists.dat"
    plays: dict[tuple[int, int], int] = {}
    for line, fields in _fields(file, ("userID", "artistID", "weight")):
        user, artist = _whole(fields[0], file, line, 0), _whole(fields[1], file, line, 0)
        if artist not in row_of:
            raise DataError(f"artist {artist} is not in artists.dat", file=file, line=line)
        if (pair := (user, row_of[artist])) in plays:
            what = f"user {user} and artist {artist} have a second row"
            raise DataError(what, file=file, line=line)
        plays[pair] = _whole(fields[2], file, line, 1, _MAX_PLAYS)
    if not plays:
        raise DataError("holds no plays", file=file)
    table = np.array([(*pair, count) for pair, count in sorted(plays.items())], np.int64)
    return Plays(tuple(names.values()), *np.ascontiguousarray(table.T))


def catalogue(spec: LastfmCatalogue, folder: Path, seed: int) -> Catalogue:
    """The artists in the order of their ids, each with the same number of tracks.

    A track's taste is its artist's plus a small part of its own; the tracks of an artist nobody
    plays have only that. An artist's plays fall off as 1 / 1, 1 / 2, 1 / 3 .. over the tracks.

    Raises:
        DataError: as `read_plays`, or there are too few common listeners to fit.
    """
    plays, each = read_plays(folder), spec.tracks_per_artist
    artists = len(plays.names)
    total = np.zeros(artists, np.int64)
    np.add.at(total, plays.artists, plays.plays)
    fitted = track_vectors(
        counts_of(plays.users, plays.artists, plays.plays), artists, spec.dims, seed
    )
    n_tracks = artists * each
    scale = math.sqrt(_OWN_SHARE / spec.dims)
    own = scale * rng.normals(seed, Stream.FIT, Purpose.TRACK, n_tracks, spec.dims)
    raw = math.sqrt(1.0 - _OWN_SHARE) * np.repeat(fitted, each, axis=0) + own
    played = np.flatnonzero(np.repeat(total > 0, each))
    return replace(
        unnamed_tracks(n_tracks),
        vectors=scaled(raw, played, folder / "user_artists.dat"),
        dims=spec.dims,
        artist=np.repeat(np.arange(artists, dtype=np.int32), each),
        artists=plays.names,
        popularity=(total[:, None] * _track_shares(each)).ravel(),
        titles=ArtistTracks(plays.names, each),
    )


def users(spec: LastfmUsers, scenario: Scenario, folder: Path, each: int) -> Users:
    """The listeners; interests are drawn among the tracks of their artists, by plays.

    Args:
        spec: how many interests, and the traits.
        scenario: its seed of the world and its listener.
        folder: of the data set.
        each: tracks per artist in the catalogue.

    Raises:
        DataError: as `read_plays`.
        ScenarioError: as `draw_users`.
    """
    plays = read_plays(folder)
    ids, first = np.unique(plays.users, return_index=True)
    tracks = (plays.artists[:, None] * each + np.arange(each)).ravel()
    weights = (plays.plays[:, None] * _track_shares(each)).ravel()
    offsets = np.append(first, len(plays.users)).astype(np.int64) * each
    segments = itertools.pairwise(offsets.tolist())
    cumulative = np.concatenate([np.cumsum(weights[low:high]) for low, high in segments])
    pool = Pool(np.arange(len(ids)), offsets, tracks.astype(np.int32), cumulative)
    return draw_users(spec, scenario, ids, pool)


def _track_shares(each: int) -> npt.NDArray[np.float64]:
    shares = 1.0 / np.arange(1, each + 1)
    return shares / np.cumsum(shares)[-1]


def _read_artists(file: Path) -> dict[int, str]:
    names: dict[int, str] = {}
    for line, fields in _fields(file, ("id", "name")):
        artist = _whole(fields[0], file, line, 0)
        if artist in names:
            raise DataError(f"artist {artist} has a second row", file=file, line=line)
        names[artist] = fields[1]
    if not names:
        raise DataError("holds no artists", file=file)
    return dict(sorted(names.items()))


def _fields(file: Path, header: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    """The rows of a tab-separated file that has at least the columns of the header."""
    for line, content in text_lines(file):
        if not content.strip():
            continue
        fields = content.rstrip("\r\n").split("\t")
        if line == 1:
            if tuple(fields[: len(header)]) != header:
                what = f"must begin with the columns {' '.join(header)}, got {one_line(content)}"
                raise DataError(what, file=file, line=line)
            width = len(fields)
        elif len(fields) != width:
            what = f"must have {width} tab-separated fields, got {len(fields)}"
            raise DataError(what, file=file, line=line)
        else:
            yield line, fields


def _whole(text: str, file: Path, line: int, low: int, high: int = _MAX_ID) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 18 and low <= int(text) <= high:
        return int(text)
    what = f"must be a whole number between {low} and {high}, got {one_line(text)}"
    raise DataError(what, file=file, line=line)
