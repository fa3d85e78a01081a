"""A catalogue fitted to lists: what users like, and what recommenders gave them, together.

Precomputed lists come without a catalogue when only a recommender's output is at hand. Tracks
that share users and lists are taken to be alike. Such a world flatters those lists, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from abbotify.scenario.scenario import Listener
from abbotify.world import botify
from abbotify.world.base import Catalogue, IntArray, Users, unnamed_tracks
from abbotify.world.factorise import Counts, counts_of, scaled, track_vectors
from abbotify.world.list_files import kind_of, read_top_tracks, track_lists, user_lists

NOTE: Final = "the world was fitted to the lists it judges"

# Without a tracks file the largest id decides how many tracks there are: a typo in one id
# must not ask for terabytes.
_MAX_TRACKS: Final = 2_000_000

# (rows, tracks): who or what has which track, one entry for each time.
Pairs = tuple[IntArray, IntArray]


def catalogue(
    users_file: Path,
    files: Iterable[Path],
    tracks_file: Path | None,
    dims: int,
    listener: Listener,
    seed: int,
) -> Catalogue:
    """The catalogue fitted to users' interests and lists.

    A user's interests and lists are one row of the fit, and so are a track and its lists. A track
    that is in none of them has the zero vector: it scores 0 with everything, as unrelated tracks
    do. Of a list of top tracks among the files only the ids count. Without a tracks file there are
    as many tracks as the largest id asks for, each of an artist of its own. Popularity is how
    often a track is somebody's interest.

    Raises:
        DataError: a file is malformed, a track lies outside the tracks file, or there is too
            little to fit.
    """
    tracks = None if tracks_file is None else botify.read_tracks(tracks_file)
    limit = _MAX_TRACKS if tracks is None else len(tracks)
    users = botify.users(users_file, limit, listener)
    counts, n_tracks = _counts(users, files, limit)
    tracks = unnamed_tracks(n_tracks) if tracks is None else tracks
    raw = track_vectors(counts, len(tracks), dims, seed)
    return replace(
        tracks,
        vectors=scaled(raw, np.flatnonzero(raw.any(axis=1)), users_file),
        dims=dims,
        popularity=np.bincount(users.interests.tracks, minlength=len(tracks)).astype(np.float64),
    )


def _counts(users: Users, files: Iterable[Path], limit: int) -> tuple[Counts, int]:
    owners = np.repeat(users.ids, np.diff(users.interests.offsets))
    by_user: list[Pairs] = [(owners, users.interests.tracks.astype(np.int64))]
    by_track: list[Pairs] = []
    largest = 0
    for file in files:
        match kind_of(file):
            case "user":
                by_user.append(_pairs(user_lists(file, limit)))
            case "track":
                lists = track_lists(file, limit)
                by_track.append(_pairs((track, [track, *others]) for track, others in lists))
            case "top":
                largest = max(largest, int(read_top_tracks(file, limit).max()))
    rows, tracks = _numbered(by_user)
    if by_track:
        more_rows, more_tracks = _numbered(by_track)
        rows = np.concatenate([rows, more_rows + rows.max() + 1])
        tracks = np.concatenate([tracks, more_tracks])
    counts = counts_of(rows, tracks, np.ones(len(rows), np.int64))
    return counts, max(largest, int(tracks.max())) + 1


def _pairs(lists: Iterable[tuple[int, list[int]]]) -> Pairs:
    owners: list[int] = []
    tracks: list[int] = []
    for owner, listed in lists:
        owners += [owner] * len(listed)
        tracks += listed
    return np.array(owners, np.int64), np.array(tracks, np.int64)


def _numbered(pairs: list[Pairs]) -> Pairs:
    """All pairs together, with rows numbered from 0 in the order of the owners' ids."""
    owners = np.concatenate([owner for owner, _ in pairs])
    rows = np.unique(owners, return_inverse=True)[1].astype(np.int64)
    return rows, np.concatenate([tracks for _, tracks in pairs])
