"""The original's files: tracks and users as JSON lines, embeddings as `.npy`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify import vectors
from abbotify.errors import DataError
from abbotify.scenario.scenario import Listener
from abbotify.world.base import Catalogue, IntArray, Users, unnamed_tracks
from abbotify.world.factorise import Counts, counts_of, scaled, track_vectors
from abbotify.world.json_lines import MAX_TRACKS, Row, numbered_rows
from abbotify.world.list_files import (
    kind_of,
    read_top_tracks,
    stacked,
    stacked_rows,
    track_lists,
    user_lists,
)

NOTE: Final = "the world was fitted to the lists it judges"

# Without a tracks file the largest id decides how many tracks there are: a typo in one id
# must not ask for terabytes.
_MAX_TRACKS: Final = 2_000_000

# (rows, tracks): who or what has which track, one entry for each time.
Pairs = tuple[IntArray, IntArray]

_MAX_POPULARITY: Final = 1e15  # sums of them stay exact enough to draw from
_COUNTS_MAX: Final = 10_000  # as in the scenario's listener


def catalogue(tracks_file: Path, embeddings_file: Path) -> Catalogue:
    """The catalogue of a tracks file and its embeddings (row = track id).

    Raises:
        DataError: either file is malformed, or they do not hold the same number of tracks.
    """
    tracks = read_tracks(tracks_file)
    embeddings = read_embeddings(embeddings_file, len(tracks), tracks_file)
    return replace(tracks, vectors=vectors.padded(embeddings), dims=embeddings.shape[1])


def read_tracks(path: Path) -> Catalogue:
    """The catalogue of a tracks file, without vectors.

    Artists and genres are in the order of the first track that has them. The popularity is a
    line's `pop`, 0 where absent; 1 everywhere when no line has it.

    Raises:
        DataError: a line is malformed, or the ids are not 0 .. n - 1, each once.
    """
    rows = _by_id(path)
    n_tracks = len(rows)
    artists, genres = dict[str, int](), dict[str, int]()
    with_list = {
        track: row.tracks("recommendations", n_tracks)
        for track, row in enumerate(rows)
        if row.data.get("recommendations") is not None
    }
    popularity = np.array([row.number("pop", 0.0, low=0.0, high=_MAX_POPULARITY) for row in rows])
    if not any("pop" in row.data for row in rows):
        popularity[:] = 1.0
    return replace(
        unnamed_tracks(n_tracks),
        titles=tuple(row.text("title") for row in rows),
        artist=np.array([_number(row.text("artist"), artists) for row in rows], np.int32),
        artists=tuple(artists),
        genre=np.array([_genre(row, genres) for row in rows], np.int32),
        genres=tuple(genres),
        popularity=popularity,
        recommendations=stacked_rows(with_list, range(n_tracks)) if with_list else None,
    )


def read_embeddings(path: Path, n_tracks: int, tracks_file: Path) -> npt.NDArray[np.float32]:
    """The embeddings of a catalogue of `n_tracks` tracks.

    Returns:
        float32 (tracks, dims), mapped from the file.

    Raises:
        DataError: not a `.npy` file of that type and shape, or a value is not finite, or two
            embeddings are too large to be multiplied in float32.
    """
    try:
        # Mapped, so that a header that promises terabytes is found out before any memory is used.
        array = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError, EOFError, OverflowError) as error:
        raise DataError(f"is not a readable .npy file: {error}", file=path) from None
    if array.dtype != np.float32 or array.ndim != 2:
        what = f"must be float32 in two dimensions, got {array.dtype} of shape {array.shape}"
        raise DataError(what, file=path)
    if len(array) != n_tracks or array.shape[1] < 1:
        what = f"must have a row for each of the {n_tracks} tracks of {tracks_file}"
        raise DataError(f"{what}, got the shape {array.shape}", file=path)
    squared = np.einsum("ij,ij->i", array, array, dtype=np.float64)
    # The largest inner product is a squared norm: if that is finite, every score is.
    wrong = np.flatnonzero(~(squared <= float(np.finfo(np.float32).max)))
    if len(wrong):
        raise DataError(f"row {wrong[0]} holds values that are not finite or too large", file=path)
    return array


def read_users(path: Path, n_tracks: int, listener: Listener) -> Users:
    """The users of a file, sorted by id; absent keys are the listener's, bias 5 and sharpness 1.

    Raises:
        DataError: a line is malformed, a user has two lines, no interests, or one outside the
            catalogue, or the file has no users.
    """
    rows = sorted(numbered_rows(path, "user", things="users"), key=itemgetter(0))
    ids, ordered = [user for user, _ in rows], [row for _, row in rows]
    budget, neighbours = listener.session_budget, listener.interest_neighbours
    gamma = listener.artist_discount_gamma
    return Users(
        ids=np.array(ids, np.int64),
        interests=stacked([_interests(row, n_tracks) for row in ordered]),
        bias=np.array([row.number("consume_bias", 5.0) for row in ordered]),
        sharpness=np.array([row.number("consume_sharpness", 1.0) for row in ordered]),
        budget=_whole(ordered, "session_budget", budget),
        neighbours=_whole(ordered, "interest_neighbours", neighbours),
        gamma=np.array([row.number("artist_discount_gamma", gamma, 0, 1) for row in ordered]),
    )


def _whole(rows: list[Row], key: str, default: int) -> npt.NDArray[np.int64]:
    return np.array([row.whole(key, default, 1, _COUNTS_MAX) for row in rows], np.int64)


def _interests(row: Row, n_tracks: int) -> list[int]:
    tracks = row.tracks("interests", n_tracks)
    if not tracks:
        raise row.error("must not be empty", "interests")
    return tracks


def _by_id(path: Path) -> list[Row]:
    rows = dict(numbered_rows(path, "track", high=MAX_TRACKS - 1, things="tracks"))
    for track in range(len(rows)):
        if track not in rows:
            what = f"must number the tracks from 0 without gaps, but {track} is missing"
            raise DataError(f"{what} among {len(rows)} lines", file=path, key="track")
    return [rows[track] for track in range(len(rows))]


def _genre(row: Row, genres: dict[str, int]) -> int:
    return -1 if row.data.get("genre") is None else _number(row.text("genre"), genres)


def _number(name: str, numbers: dict[str, int]) -> int:
    """The number of a name, in the order in which names are first met."""
    return numbers.setdefault(name, len(numbers))


def catalogue_of_lists(
    users_file: Path,
    files: Iterable[Path],
    tracks_file: Path | None,
    dims: int,
    listener: Listener,
    seed: int,
) -> Catalogue:
    """A catalogue fitted to lists: what users like, and what recommenders gave them, together.

    Precomputed lists come without a catalogue when only a recommender's output is at hand. Tracks
    that share users and lists are taken to be alike. Such a world flatters those lists, and says
    so (`NOTE`).

    A user's interests and lists are one row of the fit, and so are a track and its lists. A track
    that is in none of them has the zero vector: it scores 0 with everything, as unrelated tracks
    do. Of a list of top tracks among the files only the ids count. Without a tracks file there are
    as many tracks as the largest id asks for, each of an artist of its own. Popularity is how
    often a track is somebody's interest.

    Raises:
        DataError: a file is malformed, a track lies outside the tracks file, or there is too
            little to fit.
    """
    tracks = None if tracks_file is None else read_tracks(tracks_file)
    limit = _MAX_TRACKS if tracks is None else len(tracks)
    users = read_users(users_file, limit, listener)
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
