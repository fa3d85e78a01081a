"""What is written is what the readers read."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.errors import DataError, OutputError
from abbotify.testing import small_world
from abbotify.world.base import Catalogue, Lists
from abbotify.world.botify import read_tracks
from abbotify.world.list_files import (
    kind_of,
    read_track_lists,
    read_user_lists,
    stacked,
    write_track_lists,
    write_tracks,
    write_user_lists,
)

ROWS = st.lists(st.lists(st.integers(0, 6), max_size=5), min_size=7, max_size=7)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def catalogue(**columns: Any) -> Catalogue:
    """The first 7 tracks of the small world, some of their columns replaced."""
    whole = small_world().catalogue
    per_track = ("vectors", "artist", "genre", "popularity", "titles", "duration_ms")
    cut = {name: getattr(whole, name)[:7] for name in per_track}
    return dataclasses.replace(whole, **{**cut, "recommendations": None, **columns})


def assert_equal(lists: Lists, expected: Lists) -> None:
    np.testing.assert_array_equal(lists.offsets, expected.offsets)
    np.testing.assert_array_equal(lists.tracks, expected.tracks)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().decode().split("\n")[:-1]]


@given(ROWS)
def test_lists_per_track_come_back(tmp_path_factory: Any, rows: list[list[int]]) -> None:
    path = tmp_path_factory.mktemp("lists") / "tracks.jsonl"
    lists = stacked(rows)
    if not any(rows):
        with pytest.raises(OutputError, match="there are no lists to write"):
            write_track_lists(path, lists)
        assert not path.exists()
        return
    write_track_lists(path, lists)
    assert_equal(read_track_lists(path, 7), lists)
    assert kind_of(path) == "track"
    assert len(lines(path)) == sum(map(bool, rows))


@given(ROWS, st.sets(st.integers(0, 2**63 - 1), min_size=7, max_size=7))
def test_lists_per_user_come_back(
    tmp_path_factory: Any, rows: list[list[int]], users: set[int]
) -> None:
    path = tmp_path_factory.mktemp("lists") / "users.jsonl"
    ids, lists = np.array(sorted(users), np.int64), stacked(rows)
    if not any(rows):
        with pytest.raises(OutputError, match="there are no lists to write"):
            write_user_lists(path, ids, lists)
        return
    write_user_lists(path, ids, lists)
    assert_equal(read_user_lists(path, ids, 7), lists)
    assert kind_of(path) == "user"


@given(
    st.lists(TEXTS, min_size=7, max_size=7),
    st.lists(TEXTS, min_size=12, max_size=12, unique=True),
    st.lists(TEXTS, min_size=3, max_size=3, unique=True),
    st.lists(st.integers(-1, 2), min_size=7, max_size=7),
    st.lists(st.floats(0, 1e15), min_size=7, max_size=7),
    st.none() | ROWS,
)
def test_tracks_come_back(
    tmp_path_factory: Any,
    titles: Sequence[str],
    artists: Sequence[str],
    genres: Sequence[str],
    genre: list[int],
    popularity: list[float],
    rows: list[list[int]] | None,
) -> None:
    path = tmp_path_factory.mktemp("tracks") / "tracks.jsonl"
    lists = None if rows is None else stacked(rows)
    written = catalogue(
        titles=titles,
        artists=artists,
        genres=genres,
        genre=np.array(genre, np.int32),
        popularity=np.array(popularity),
        recommendations=lists,
    )
    write_tracks(path, written)
    read = read_tracks(path)
    assert read.titles == tuple(titles)
    assert [read.artists[a] for a in read.artist] == [artists[a] for a in written.artist]
    names = [None if g < 0 else read.genres[g] for g in read.genre]
    assert names == [None if g < 0 else genres[g] for g in genre]
    assert read.popularity.tobytes() == np.array(popularity).tobytes()
    if rows is None or not any(rows):
        assert read.recommendations is None
    else:
        assert read.recommendations is not None
        assert lists is not None
        assert_equal(read.recommendations, lists)


def test_absent_values_have_no_keys(tmp_path: Path) -> None:
    path = tmp_path / "tracks.jsonl"
    genre = np.array([-1, 0, 1, 2, 0, 1, 2], np.int32)
    write_tracks(path, catalogue(genre=genre), stacked([[], [3, 2], [], [], [], [], []]))
    first, second, *_ = lines(path)
    assert list(first) == ["track", "artist", "title", "pop"]
    assert second == {
        "track": 1,
        "artist": "artist 0",
        "title": "track 1",
        "genre": "jazz",
        "pop": small_world().catalogue.popularity[1],
        "recommendations": [3, 2],
    }


def test_text_stays_readable(tmp_path: Path) -> None:
    titles = ["<b>Ä & Ω</b>", "</script>", 'say "\\"', "line\nbreak\r", "\u2028", "\x00", "𝄞 雪"]
    path = tmp_path / "tracks.jsonl"
    write_tracks(path, catalogue(titles=titles))
    assert read_tracks(path).titles == tuple(titles)
    content = path.read_bytes()
    assert "<b>Ä & Ω</b>".encode() in content
    assert content.count(b"\n") == 7
    assert b"\r" not in content


def test_a_whole_world_comes_back(tmp_path: Path) -> None:
    world = small_world()
    path = tmp_path / "tracks.jsonl"
    write_tracks(path, world.catalogue)
    read = read_tracks(path)
    assert world.catalogue.recommendations is not None
    assert read.recommendations is not None
    assert_equal(read.recommendations, world.catalogue.recommendations)
    np.testing.assert_array_equal(read.artist, world.catalogue.artist)
    np.testing.assert_array_equal(read.popularity, world.catalogue.popularity)


def test_files_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "tracks.jsonl"
    path.write_text("old")
    popularity = np.array([1.0] * 6 + [np.nan])
    with pytest.raises(ValueError, match="JSON"):
        write_tracks(path, catalogue(popularity=popularity))
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["tracks.jsonl"]
    write_tracks(path, catalogue())
    assert len(read_tracks(path).titles) == 7


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"none/t\.jsonl: cannot be written \(No such file"):
        write_tracks(tmp_path / "none" / "t.jsonl", catalogue())


def test_other_numbers_of_lists_are_refused(tmp_path: Path) -> None:
    lists = stacked([[1], [2]])
    with pytest.raises(ValueError, match="needs a list for each of 7 tracks, got 2"):
        write_tracks(tmp_path / "t.jsonl", catalogue(), lists)
    with pytest.raises(ValueError, match="needs a list for each of 3 users, got 2"):
        write_user_lists(tmp_path / "u.jsonl", np.arange(3), lists)
    write_user_lists(tmp_path / "u.jsonl", np.arange(2), lists)
    with pytest.raises(DataError, match="between 0 and 1"):
        read_user_lists(tmp_path / "u.jsonl", np.arange(2), 2)
