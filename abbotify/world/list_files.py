"""Files of precomputed lists, per user, per track and of top tracks: read and written.

The world is fitted to such lists, and recommenders serve from them; both read them here.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from abbotify.errors import DataError, OutputError
from abbotify.files.folders import replacing
from abbotify.typed import one_line
from abbotify.world.base import Catalogue, IntArray, Lists
from abbotify.world.json_lines import (
    MAX_TRACKS,
    check_tracks,
    json_lines,
    numbered_rows,
    parsed,
    text_lines,
    unreadable,
)

# Text as it is: readers take either, people only this. NaN would be read by nobody.
_ENCODE: Final[Callable[[Any], str]] = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def read_user_lists(path: Path, ids: IntArray, n_tracks: int) -> Lists:
    """Lists per user, from lines of `{"user": 0, "tracks": [ids]}`.

    A user without a line has an empty list. Lines of users who are not among `ids` are checked
    and left out: a file made for everybody also serves a part of the users.

    Args:
        path: the JSON-lines file.
        ids: int64 (users), ascending.
        n_tracks: how many tracks the catalogue has.

    Returns:
        One row for each of `ids`, in their order.

    Raises:
        DataError: the file or a line of it is malformed, a user has two lines, or a track lies
            outside the catalogue.
    """
    return stacked_rows(dict(user_lists(path, n_tracks)), ids.tolist())


def read_track_lists(path: Path, n_tracks: int) -> Lists:
    """Lists per track, from lines of `{"track": 0, "recommendations": [ids]}`.

    The key `item_id` may stand for `track`. A track without a line has an empty list.

    Args:
        path: the JSON-lines file.
        n_tracks: how many tracks the catalogue has.

    Returns:
        One row for each track of the catalogue.

    Raises:
        DataError: the file or a line of it is malformed, a track has two lines, or a track lies
            outside the catalogue.
    """
    return stacked_rows(dict(track_lists(path, n_tracks)), range(n_tracks))


def read_top_tracks(path: Path, n_tracks: int) -> npt.NDArray[np.int32]:
    """The most popular tracks, most popular first, from one JSON list of ids.

    Returns:
        int32 (tracks named), each once.

    Raises:
        DataError: the file is not such a list, is empty, names a track twice or one outside the
            catalogue.
    """
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("is not valid UTF-8", file=path) from None
    except OSError as error:
        raise unreadable(path, error) from None
    value = parsed(content, path)
    if type(value) is not list or not value:
        what = f"must be a JSON list of track ids, not empty, got {one_line(value)}"
        raise DataError(what, file=path)
    check_tracks(value, n_tracks, path)
    if len(set(value)) < len(value):
        twice = next(track for track, count in Counter(value).items() if count > 1)
        raise DataError(f"names track {twice} twice", file=path)
    return np.array(value, np.int32)


def user_lists(path: Path, n_tracks: int = MAX_TRACKS) -> Iterator[tuple[int, list[int]]]:
    """(user, tracks) for each line of a file of lists per user, in file order.

    Raises:
        DataError: as `read_user_lists`.
    """
    for user, row in numbered_rows(path, "user"):
        yield user, row.tracks("tracks", n_tracks)


def track_lists(path: Path, n_tracks: int = MAX_TRACKS) -> Iterator[tuple[int, list[int]]]:
    """(track, recommendations) for each line of a file of lists per track, in file order.

    Raises:
        DataError: as `read_track_lists`.
    """
    lists = False
    for track, row in numbered_rows(path, "track", "item_id", high=n_tracks - 1):
        if "recommendations" in row.data:  # a tracks file may know some tracks without a list
            lists = True
            yield track, row.tracks("recommendations", n_tracks)
    if not lists:
        raise DataError("holds no lists", file=path)


def kind_of(path: Path) -> Literal["user", "track", "top"]:
    """Whether a file holds lists per user, lists per track or one list of tracks.

    Raises:
        DataError: the file has no lines, or its first line is none of these.
    """
    for _, content in text_lines(path):
        if content.lstrip().startswith("["):
            return "top"
        if content.strip():
            row = next(json_lines(path))
            if "user" in row.data:
                return "user"
            if row.data.keys() & {"track", "item_id"}:
                return "track"
            raise row.error("must have a key user, track or item_id")
    raise DataError("holds no lists", file=path)


def stacked(rows: list[list[int]]) -> Lists:
    """A list of lists as `Lists`."""
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    tracks = np.fromiter((t for row in rows for t in row), np.int32, count=int(offsets[-1]))
    return Lists(offsets, tracks)


def stacked_rows(lists: Mapping[int, list[int]], ids: Iterable[int]) -> Lists:
    """The lists of some ids, in their order, as `Lists`; absent ones are empty."""
    return stacked([lists.get(number, []) for number in ids])


def write_tracks(path: Path, catalogue: Catalogue, recommendations: Lists | None = None) -> None:
    """Writes a tracks file: `{"track", "artist", "title", "genre", "pop", "recommendations"}`.

    Tracks without a genre have no key `genre`, those with an empty list no `recommendations`;
    `pop` is read back as the same number.

    Args:
        path: the file, which appears whole or not at all.
        catalogue: whose tracks.
        recommendations: a list for each track; default those of the catalogue, if any.

    Raises:
        OutputError: the file cannot be written.
        ValueError: there is not one list a track, or a popularity is not finite.
    """
    lists = catalogue.recommendations if recommendations is None else recommendations
    if lists is not None:
        _check(len(lists.offsets) - 1, len(catalogue), "tracks")
    _write(path, _tracks(catalogue, lists))


def write_track_lists(path: Path, lists: Lists) -> None:
    """Writes lists per track: `{"track": 0, "recommendations": [ids]}`; empty ones are left out.

    Args:
        path: the file, which appears whole or not at all.
        lists: a row for each track.

    Raises:
        OutputError: the file cannot be written, or all lists are empty: it could not be read.
    """
    _write_lists(path, lists, itertools.count(), ("track", "recommendations"))


def write_user_lists(path: Path, ids: IntArray, lists: Lists) -> None:
    """Writes lists per user: `{"user": 0, "tracks": [ids]}`; empty ones are left out.

    Args:
        path: the file, which appears whole or not at all.
        ids: int64 (users), each once.
        lists: a row for each of `ids`.

    Raises:
        OutputError: the file cannot be written, or all lists are empty: it could not be read.
        ValueError: there is not one list a user.
    """
    _check(len(lists.offsets) - 1, len(ids), "users")
    _write_lists(path, lists, ids.tolist(), ("user", "tracks"))


def _tracks(catalogue: Catalogue, lists: Lists | None) -> Iterator[dict[str, Any]]:
    rows = None if lists is None else _rows(lists)
    for track in range(len(catalogue)):
        line: dict[str, Any] = {
            "track": track,
            "artist": catalogue.artists[catalogue.artist[track]],
            "title": catalogue.titles[track],
        }
        if (genre := catalogue.genre[track]) >= 0:
            line["genre"] = catalogue.genres[genre]
        line["pop"] = float(catalogue.popularity[track])
        if rows is not None and (row := next(rows)):
            line["recommendations"] = row
        yield line


def _rows(lists: Lists) -> Iterator[list[int]]:
    begin = 0
    for end in map(int, lists.offsets[1:]):
        yield lists.tracks[begin:end].tolist()
        begin = end


def _write(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    try:
        with (
            replacing(path) as temporary,
            open(temporary, "w", encoding="utf-8", newline="\n") as file,
        ):
            file.writelines(f"{_ENCODE(line)}\n" for line in lines)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", file=path) from error


def _check(rows: int, expected: int, what: str) -> None:
    if rows != expected:
        raise ValueError(f"needs a list for each of {expected} {what}, got {rows}")


def _write_lists(path: Path, lists: Lists, ids: Iterable[int], keys: tuple[str, str]) -> None:
    if not len(lists.tracks):
        raise OutputError("there are no lists to write", file=path)
    pairs = zip(ids, _rows(lists), strict=False)  # ids may go on and on
    _write(path, (dict(zip(keys, pair, strict=True)) for pair in pairs if pair[1]))
