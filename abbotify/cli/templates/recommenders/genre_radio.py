"""Genre radio: the tracks of one genre, most popular first, none twice in a session.

In a scenario: `{recommender: recommenders/genre_radio.py:GenreRadio, genre: jazz, size: 500}`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abbotify import CandidateTable, Key, Lists, Pick, Request, World


class GenreRadio:
    """Plays one genre, most popular first, ties by track id; a miss when all was played."""

    @dataclass(frozen=True)
    class Params:
        """The keys of an arm.

        Attributes:
            genre: the genre's name in the catalogue.
            size: how many of its tracks to play; 0 for all.
        """

        genre: str
        size: int = 0

        def __post_init__(self) -> None:
            if self.size < 0:
                raise ValueError(f"size must not be negative, got {self.size}")

    def __init__(self, params: Params, world: World) -> None:
        catalogue = world.catalogue
        names = list(catalogue.genres)
        if params.genre not in names:
            raise ValueError(f"no genre is named {params.genre!r}; some are {names[:5]}")
        tracks = np.flatnonzero(catalogue.genre == names.index(params.genre)).astype(np.int32)
        order = np.argsort(-catalogue.popularity[tracks], kind="stable")
        self.tracks = tracks[order][: params.size or None]

    def recommend(self, request: Request) -> int | None:
        """The first track of the genre that this session has not had."""
        played = set(request.played)
        return next((track for track in self.tracks.tolist() if track not in played), None)

    def candidates(self) -> CandidateTable:
        """The same as a table: one row for everybody."""
        row = Lists(np.array([0, len(self.tracks)]), self.tracks)
        return CandidateTable(Key.NOTHING, row, Pick.FIRST_UNSEEN)
