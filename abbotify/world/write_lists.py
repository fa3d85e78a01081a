"""Catalogues and precomputed lists written as the original's JSON lines, for `files` to read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from abbotify.errors import OutputError
from abbotify.files.folders import replacing
from abbotify.world.base import Catalogue, IntArray, Lists

# Text as it is: readers take either, people only this. NaN would be read by nobody.
_ENCODE: Final[Callable[[Any], str]] = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


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
    _some(path, lists)
    rows = enumerate(_rows(lists))
    _write(path, ({"track": track, "recommendations": row} for track, row in rows if row))


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
    _some(path, lists)
    rows = zip(map(int, ids), _rows(lists), strict=True)
    _write(path, ({"user": user, "tracks": row} for user, row in rows if row))


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


def _some(path: Path, lists: Lists) -> None:
    if not len(lists.tracks):
        raise OutputError("there are no lists to write", file=path)
