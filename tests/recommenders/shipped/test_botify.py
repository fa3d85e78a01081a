"""The shipped recommenders: what lies in their tables, and what they refuse."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify.errors import UserError
from abbotify.recommenders.build import build_arms
from abbotify.recommenders.candidate_table import CandidateTable, Key, Pick, hundredths_below
from abbotify.world.base import World
from abbotify.world.list_files import read_top_tracks, read_track_lists, read_user_lists


@pytest.fixture
def table(scenario_of: Any, world: World) -> Any:
    def make(arm: str) -> CandidateTable:
        link = build_arms(scenario_of(f"it: {{recommender: {arm}}}"), world)[1].chain[0]
        assert link.table is not None
        link.table.check(world)
        return link.table

    return make


def row(table: CandidateTable, number: int) -> list[int]:
    offsets, tracks = table.lists
    return tracks[offsets[number] : offsets[number + 1]].tolist()


def test_random_is_the_whole_catalogue(table: Any) -> None:
    assert row(table("random"), 0) == list(range(60))


@pytest.mark.parametrize("name", ["sticky_artist", "sticky_artist_mixed"])
def test_sticky_holds_every_artists_tracks(name: str, table: Any, world: World) -> None:
    sticky = table(name)
    assert (sticky.key, sticky.pick) == (Key.ARTIST, Pick.UNIFORM)
    for artist in range(12):
        expected = [t for t in range(60) if world.catalogue.artist[t] == artist]
        assert row(sticky, artist) == expected


def test_mixed_is_random_after_a_skip(table: Any) -> None:
    mixed = table("sticky_artist_mixed, below: 0.29")
    assert mixed.exclude_previous
    assert mixed.below == 29
    assert mixed.otherwise.never_misses


@pytest.mark.parametrize("limit", [0.0, 0.005, 0.07, 0.29, 0.3, 0.305, 0.57, 0.58, 0.999, 1.0])
def test_hundredths_below_a_limit(limit: float) -> None:
    below = hundredths_below(limit)
    assert [h < below for h in range(101)] == [h / 100 < limit for h in range(101)]


def test_top_pop_breaks_ties_by_track(table: Any, world: World) -> None:
    popularity = world.catalogue.popularity
    expected = sorted(range(60), key=lambda t: (-popularity[t], t))
    assert popularity[expected[0]] == popularity[expected[1]]  # there are ties
    assert row(table("top_pop, size: 7"), 0) == expected[:7]
    assert row(table("top_pop"), 0) == expected
    assert table("top_pop, pick: rank").pick == Pick.RANK


def test_contextual_without_a_file_takes_the_catalogues_lists(table: Any, world: World) -> None:
    contextual = table("contextual, anchor: first, pick: first_unseen")
    assert contextual.key == Key.FIRST
    assert contextual.pick == Pick.FIRST_UNSEEN
    assert world.catalogue.recommendations is not None
    np.testing.assert_array_equal(contextual.lists.tracks, world.catalogue.recommendations.tracks)


def test_contextual_without_any_lists_names_its_key(scenario_of: Any, world: World) -> None:
    bare = dataclasses.replace(
        world, catalogue=dataclasses.replace(world.catalogue, recommendations=None)
    )
    scenario = scenario_of("it: {recommender: contextual}")
    with pytest.raises(UserError, match=r"it.yaml:5: arms.it.file: the key is missing, and the"):
        build_arms(scenario, bare)


def test_lists_from_files(table: Any, tmp_path: Path) -> None:
    (tmp_path / "users.jsonl").write_text('{"user": 10, "tracks": [5, 4]}\n')
    (tmp_path / "tracks.jsonl").write_text('{"track": 2, "recommendations": [9, 8]}\n')
    (tmp_path / "top.json").write_text(json.dumps([8, 7, 6]))
    indexed = table("indexed, file: users.jsonl")
    assert [row(indexed, r) for r in range(3)] == [[], [5, 4], []]  # ids are 3, 10, 17
    contextual = table("contextual, file: tracks.jsonl")
    assert contextual.key == Key.PREVIOUS
    assert row(contextual, 2) == [9, 8]
    i2i = table("i2i, file: tracks.jsonl")
    assert (i2i.key, i2i.pick, row(i2i, 2)) == (Key.PREVIOUS, Pick.ANCHORED, [9, 8])
    assert row(table("top_pop, file: top.json, size: 2"), 0) == [8, 7]


@pytest.mark.parametrize("arm", ["indexed", "i2i", "contextual", "top_pop"])
def test_a_missing_file_is_named(arm: str, scenario_of: Any, world: World) -> None:
    scenario = scenario_of(f"it:\n    recommender: {arm}\n    file: none.jsonl")
    with pytest.raises(UserError, match=r"it.yaml:7: arms.it.file: none.jsonl: no such file"):
        build_arms(scenario, world)


def test_a_fallbacks_missing_file_is_named(scenario_of: Any, world: World) -> None:
    scenario = scenario_of("it: {recommender: top_pop, fallback: {recommender: i2i, file: no}}")
    with pytest.raises(UserError, match=r"it.yaml:5: arms.it.fallback.file: no: no such file"):
        build_arms(scenario, world)


def test_the_originals_files_are_read(data_dir: Path) -> None:
    folder = data_dir / "botify"
    lists = read_user_lists(folder / "recommendations_lightfm.jsonl", np.arange(10_000), 50_000)
    lengths = np.diff(lists.offsets)
    # Both counts are those of the data's own description.
    assert (lengths == 0).sum() == 301
    assert (lengths == 30).sum() == 9_699
    i2i = read_track_lists(folder / "i2i_lightfm_16k.jsonl", 16_198)
    CandidateTable(Key.PREVIOUS, i2i, Pick.ANCHORED)
    assert len(read_top_tracks(folder / "top_tracks.json", 50_000)) == 38_310
