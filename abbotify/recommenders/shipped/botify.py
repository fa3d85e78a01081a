"""The recommenders of botify: each is a candidate table made from the world or a file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from abbotify.recommenders.shipped import TableRecommender
from abbotify.scenario.base import FilePath, Share
from abbotify.scenario.recommenders import Anchor, Pick, Size

if TYPE_CHECKING:
    from abbotify.files.yaml import KeyPath
    from abbotify.recommenders.candidate_table import CandidateTable
    from abbotify.scenario import Scenario
    from abbotify.world.base import Lists, World


class Random(TableRecommender):
    """Any track, uniformly."""

    needs_no_keys: ClassVar[bool] = True
    recommender: Literal["random"]

    def table(self, world: World, scenario: Scenario, key: KeyPath) -> CandidateTable:
        """See `TableRecommender`."""
        from abbotify.recommenders.candidate_table import random_table

        return random_table(world.catalogue)


class StickyArtist(TableRecommender):
    """A uniform track of the previous track's artist."""

    needs_no_keys: ClassVar[bool] = True
    recommender: Literal["sticky_artist"]

    def table(self, world: World, scenario: Scenario, key: KeyPath) -> CandidateTable:
        """See `TableRecommender`."""
        from abbotify.recommenders.candidate_table import artist_lists, table_of

        return table_of("artist", artist_lists(world.catalogue), "uniform")


class StickyArtistMixed(TableRecommender):
    """Random after a track listened to less than `below`; else sticky, but not the same track."""

    needs_no_keys: ClassVar[bool] = True
    recommender: Literal["sticky_artist_mixed"]
    below: Share = 0.3

    def table(self, world: World, scenario: Scenario, key: KeyPath) -> CandidateTable:
        """See `TableRecommender`."""
        from abbotify.recommenders.candidate_table import (
            artist_lists,
            hundredths_below,
            random_table,
            table_of,
        )

        return replace(
            table_of("artist", artist_lists(world.catalogue), "uniform"),
            exclude_previous=True,
            below=hundredths_below(self.below),
            otherwise=random_table(world.catalogue),
        )


class TopPop(TableRecommender):
    """Among the most popular tracks, of the catalogue or of a file (one JSON list of ids)."""

    needs_no_keys: ClassVar[bool] = True
    recommender: Literal["top_pop"]
    size: Size = 100
    file: FilePath | None = None
    pick: Pick = "uniform"

    def table(self, world: World, scenario: Scenario, key: KeyPath) -> CandidateTable:
        """See `TableRecommender`."""
        from abbotify.recommenders.candidate_table import most_popular, one_row
        from abbotify.scenario import resolve
        from abbotify.world.list_files import read_top_tracks

        if self.file is None:
            tracks = most_popular(world.catalogue, self.size)
        else:
            path = resolve(scenario, self.file, (*key, "file"), folder=False)
            tracks = read_top_tracks(path, len(world.catalogue))[: self.size]
        return one_row(tracks, self.pick)


class Indexed(TableRecommender):
    """Among the user's precomputed list: lines of `{"user": id, "tracks": [ids]}`."""

    recommender: Literal["indexed"]
    file: FilePath
    pick: Pick = "uniform"

    def table(self, world: World, scenario: Scenario, key: KeyPath) -> CandidateTable:
        """See `TableRecommender`."""
        from abbotify.recommenders.candidate_table import table_of
        from abbotify.scenario import resolve
        from abbotify.world.list_files import read_user_lists

        path = resolve(scenario, self.file, (*key, "file"), folder=False)
        lists = read_user_lists(path, world.users.ids, len(world.catalogue))
        return table_of("user", lists, self.pick)


class Contextual(TableRecommender):
    """Among a track's precomputed list; without a file, the catalogue's `recommendations`."""

    recommender: Literal["contextual"]
    file: FilePath | None = None
    anchor: Anchor = "previous"
    pick: Pick = "uniform"

    def table(self, world: World, scenario: Scenario, key: KeyPath) -> CandidateTable:
        """See `TableRecommender`."""
        from abbotify.recommenders.candidate_table import table_of

        return table_of(self.anchor, self._lists(world, scenario, key), self.pick)

    def _lists(self, world: World, scenario: Scenario, key: KeyPath) -> Lists:
        if self.file is not None:
            return _lists_of_file(self.file, world, scenario, key)
        if world.catalogue.recommendations is not None:
            return world.catalogue.recommendations
        what = "the key is missing, and the catalogue has no recommendations of its own"
        raise scenario.error(what, (*key, "file"))


class I2I(TableRecommender):
    """The first unheard track of the list of an anchor drawn from the listening history."""

    recommender: Literal["i2i"]
    file: FilePath

    def table(self, world: World, scenario: Scenario, key: KeyPath) -> CandidateTable:
        """See `TableRecommender`."""
        from abbotify.recommenders.candidate_table import table_of

        return table_of("previous", _lists_of_file(self.file, world, scenario, key), "anchored")


def _lists_of_file(file: str, world: World, scenario: Scenario, key: KeyPath) -> Lists:
    from abbotify.scenario import resolve
    from abbotify.world.list_files import read_track_lists

    path = resolve(scenario, file, (*key, "file"), folder=False)
    return read_track_lists(path, len(world.catalogue))
