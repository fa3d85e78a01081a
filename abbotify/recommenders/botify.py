"""The shipped recommenders, botify's: each is a candidate table made from the world or a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.files.yaml import KeyPath
from abbotify.recommenders.candidate_table import CandidateTable, Key, Pick
from abbotify.scenario import Scenario, resolve
from abbotify.scenario import recommenders as spec
from abbotify.world.base import Catalogue, Lists, World
from abbotify.world.list_files import read_top_tracks, read_track_lists, read_user_lists

_PICKS: Final = {"uniform": Pick.UNIFORM, "rank": Pick.RANK, "first_unseen": Pick.FIRST_UNSEEN}
_ANCHORS: Final = {"first": Key.FIRST, "previous": Key.PREVIOUS}


def shipped_table(
    params: spec.RecommenderSpec, world: World, scenario: Scenario, key: KeyPath
) -> CandidateTable:
    """The table of a shipped recommender.

    Args:
        params: its keys in the scenario file.
        world: what it recommends from, and to whom.
        scenario: resolves paths, and places errors.
        key: where `params` stands in the scenario file.

    Raises:
        ScenarioError: a file is missing, or neither file nor catalogue has the lists.
        DataError: a file is malformed or does not fit the catalogue.
    """
    return _TABLES[params.recommender](params, world, scenario, key)


def random_table(catalogue: Catalogue) -> CandidateTable:
    """Any track, uniformly; it never misses."""
    return one_row(np.arange(len(catalogue), dtype=np.int32), Pick.UNIFORM)


def one_row(tracks: npt.NDArray[np.int32], pick: Pick) -> CandidateTable:
    """The same row for everybody."""
    offsets = np.array([0, len(tracks)], np.int64)
    return CandidateTable(Key.NOTHING, Lists(offsets, tracks), pick)


def artist_lists(catalogue: Catalogue) -> Lists:
    """The tracks of each artist, ascending; a row for each of `artists`."""
    counts = np.bincount(catalogue.artist, minlength=len(catalogue.artists))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return Lists(offsets, np.argsort(catalogue.artist, kind="stable").astype(np.int32))


def most_popular(catalogue: Catalogue, size: int) -> npt.NDArray[np.int32]:
    """The most popular tracks, most popular first, ties by track id; at most `size`."""
    order = np.argsort(-catalogue.popularity, kind="stable")
    return order[:size].astype(np.int32)


def hundredths_below(limit: float) -> int:
    """The whole hundredths b for which `h / 100 < limit` exactly when `h < b`, h = 0 .. 100."""
    return sum(h / 100 < limit for h in range(101))


def _random(params: Any, world: World, scenario: Scenario, key: KeyPath) -> CandidateTable:
    return random_table(world.catalogue)


def _sticky_artist(params: Any, world: World, scenario: Scenario, key: KeyPath) -> CandidateTable:
    return CandidateTable(Key.ARTIST, artist_lists(world.catalogue), Pick.UNIFORM)


def _sticky_artist_mixed(
    params: spec.StickyArtistMixed, world: World, scenario: Scenario, key: KeyPath
) -> CandidateTable:
    return CandidateTable(
        Key.ARTIST,
        artist_lists(world.catalogue),
        Pick.UNIFORM,
        exclude_previous=True,
        below=hundredths_below(params.below),
        otherwise=random_table(world.catalogue),
    )


def _top_pop(params: spec.TopPop, world: World, scenario: Scenario, key: KeyPath) -> CandidateTable:
    if params.file is None:
        tracks = most_popular(world.catalogue, params.size)
    else:
        path = resolve(scenario, params.file, (*key, "file"), folder=False)
        tracks = read_top_tracks(path, len(world.catalogue))[: params.size]
    return one_row(tracks, _PICKS[params.pick])


def _indexed(
    params: spec.Indexed, world: World, scenario: Scenario, key: KeyPath
) -> CandidateTable:
    path = resolve(scenario, params.file, (*key, "file"), folder=False)
    lists = read_user_lists(path, world.users.ids, len(world.catalogue))
    return CandidateTable(Key.USER, lists, _PICKS[params.pick])


def _contextual(
    params: spec.Contextual, world: World, scenario: Scenario, key: KeyPath
) -> CandidateTable:
    if params.file is not None:
        path = resolve(scenario, params.file, (*key, "file"), folder=False)
        lists = read_track_lists(path, len(world.catalogue))
    elif world.catalogue.recommendations is not None:
        lists = world.catalogue.recommendations
    else:
        what = "the key is missing, and the catalogue has no recommendations of its own"
        raise scenario.error(what, (*key, "file"))
    return CandidateTable(_ANCHORS[params.anchor], lists, _PICKS[params.pick])


def _i2i(params: spec.I2I, world: World, scenario: Scenario, key: KeyPath) -> CandidateTable:
    path = resolve(scenario, params.file, (*key, "file"), folder=False)
    lists = read_track_lists(path, len(world.catalogue))
    return CandidateTable(Key.PREVIOUS, lists, Pick.ANCHORED)


_TABLES: Final[dict[str, Callable[[Any, World, Scenario, KeyPath], CandidateTable]]] = {
    "random": _random,
    "sticky_artist": _sticky_artist,
    "sticky_artist_mixed": _sticky_artist_mixed,
    "top_pop": _top_pop,
    "indexed": _indexed,
    "contextual": _contextual,
    "i2i": _i2i,
}
