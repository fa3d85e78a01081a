from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify.errors import DataError
from abbotify.world.base import Lists
from abbotify.world.list_files import kind_of, read_top_tracks, read_track_lists, read_user_lists

WriteLines = Callable[[str, Iterable[Any]], Path]


def rows(lists: Lists) -> list[list[int]]:
    pairs = zip(lists.offsets[:-1], lists.offsets[1:], strict=True)
    return [lists.tracks[low:high].tolist() for low, high in pairs]


def test_lists_per_user_follow_the_order_of_users(write_lines: WriteLines) -> None:
    lines = [
        {"user": 9, "tracks": [4, 1]},
        {"user": 2, "tracks": []},
        {"user": 77, "tracks": [0]},  # nobody here: left out
        {"user": 5, "tracks": [3, 3, 0]},
    ]
    lists = read_user_lists(write_lines("u.jsonl", lines), np.array([2, 5, 8, 9]), 5)
    assert rows(lists) == [[], [3, 3, 0], [], [4, 1]]
    assert lists.offsets.dtype == np.int64
    assert lists.tracks.dtype == np.int32


def test_lists_per_track_take_either_key(write_lines: WriteLines) -> None:
    lines = [{"item_id": 2, "recommendations": [0]}, {"track": 0, "recommendations": [1, 2]}]
    assert rows(read_track_lists(write_lines("t.jsonl", lines), 4)) == [[1, 2], [], [0], []]


def test_a_tracks_file_may_know_some_tracks_without_a_list(write_lines: WriteLines) -> None:
    lines = [{"track": 0, "recommendations": [1]}, {"track": 2, "artist": "a", "title": "b"}]
    assert rows(read_track_lists(write_lines("t.jsonl", lines), 3)) == [[1], [], []]
    with pytest.raises(DataError, match="holds no lists"):
        read_track_lists(write_lines("none.jsonl", lines[1:]), 3)


def test_top_tracks_keep_their_order(write_lines: WriteLines) -> None:
    top = read_top_tracks(write_lines("top.json", [[3, 0, 2]]), 4)
    assert top.tolist() == [3, 0, 2]
    assert top.dtype == np.int32


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([{"user": 0, "tracks": [5]}], ":1: tracks: must hold track ids between 0 and 4, got 5"),
        ([{"user": 0, "tracks": [True]}], ":1: tracks: must hold track ids"),
        ([{"user": 0, "tracks": 3}], ":1: tracks: must be a list of track ids, got 3"),
        ([{"user": 0}], ":1: tracks: the key is missing"),
        ([{"tracks": []}], ":1: user: the key is missing"),
        ([{"user": "0", "tracks": []}], ":1: user: must be a whole number"),
        ([{"user": 0, "tracks": []}] * 2, ":2: user: 0 has a second line"),
        ([{"user": 99, "tracks": [5]}], ":1: tracks: must hold track ids"),  # nobody here
        ([], ": holds no lists"),
    ],
)
def test_broken_lists_per_user(write_lines: WriteLines, lines: list[Any], message: str) -> None:
    path = write_lines("u.jsonl", lines)
    with pytest.raises(DataError) as caught:
        read_user_lists(path, np.array([0, 1]), 5)
    assert str(caught.value).startswith(f"{path}{message}")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([{"track": 5, "recommendations": []}], ":1: track: must be a whole number between 0 and"),
        ([{"item_id": 1, "recommendations": [7]}], ":1: recommendations: must hold track ids"),
        ([{"recommendations": [1]}], ":1: track: the key is missing"),
        (
            [{"item_id": 1, "recommendations": []}, {"track": 1, "recommendations": []}],
            ":2: track: 1 has a second line",
        ),
        ([], ": holds no lists"),
    ],
)
def test_broken_lists_per_track(write_lines: WriteLines, lines: list[Any], message: str) -> None:
    path = write_lines("t.jsonl", lines)
    with pytest.raises(DataError) as caught:
        read_track_lists(path, 5)
    assert str(caught.value).startswith(f"{path}{message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not valid JSON"),
        ("[1, 2", "is not valid JSON"),
        ("[]", "must be a JSON list of track ids, not empty"),
        ('{"0": 1}', "must be a JSON list of track ids"),
        ("[0, 5]", "must hold track ids between 0 and 4, got 5"),
        ("[0, 1.0]", "must hold track ids between 0 and 4, got 1.0"),
        ("[0, 3, 0]", "names track 0 twice"),
    ],
)
def test_broken_top_tracks(write_lines: WriteLines, content: str, message: str) -> None:
    path = write_lines("top.json", [content])
    with pytest.raises(DataError, match=r"top\.json") as caught:
        read_top_tracks(path, 5)
    assert message in str(caught.value)


def test_the_kind_of_a_file_is_in_its_first_line(write_lines: WriteLines) -> None:
    assert kind_of(write_lines("a", ["", {"user": 0, "tracks": []}])) == "user"
    assert kind_of(write_lines("b", [{"item_id": 0, "recommendations": []}])) == "track"
    assert kind_of(write_lines("c", [{"track": 0, "recommendations": []}])) == "track"
    assert kind_of(write_lines("d", [[1, 2]])) == "top"
    for lines in ([{"artist": "x"}], [], ["text"]):
        with pytest.raises(DataError, match="e"):
            kind_of(write_lines("e", lines))


def test_real_lists(data_dir: Path) -> None:
    # The counts are those of the README beside the data.
    folder = data_dir / "botify"
    users = np.arange(10_000)
    lightfm = np.diff(
        read_user_lists(folder / "recommendations_lightfm.jsonl", users, 50_000).offsets
    )
    assert (lightfm == 0).sum() == 301
    assert set(lightfm.tolist()) == {0, 30}
    lightgcn = read_user_lists(folder / "recommendations_lightgcn.jsonl", users, 50_000)
    assert set(np.diff(lightgcn.offsets).tolist()) == {50}
    i2i = read_track_lists(folder / "i2i_sasrec_16k.jsonl", 16_198)
    assert (np.diff(i2i.offsets) == 10).sum() == 15_000
    top = read_top_tracks(folder / "top_tracks.json", 50_000)
    assert len(top) == 38_310
    assert top[:3].tolist() == json.loads((folder / "top_tracks.json").read_text())[:3]
