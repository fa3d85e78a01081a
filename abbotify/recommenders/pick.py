"""A candidate table as a function of a request, by the kernels of the compiled engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from abbotify import rng
from abbotify.recommenders import pick_kernels as kernels
from abbotify.recommenders.base import Request
from abbotify.recommenders.candidate_table import CandidateTable, Key, Pick

PickFunction = Callable[[Request], int | None]


class TablePicker:
    """The pick of one table: `picker.pick(request)` is a track, or None on a miss.

    Args:
        table: a table that has passed `check`.
        artist_of: int32 (tracks), the artist of each track.
        purpose: what the draws are for, see `fallback_purpose`.
    """

    def __init__(
        self,
        table: CandidateTable,
        artist_of: npt.NDArray[np.int32],
        purpose: int = rng.Purpose.RECOMMEND,
    ) -> None:
        self.table, self._artist_of, self._purpose = table, artist_of, purpose
        arrays = (*table.lists, table.weights, table.pairs)
        self._offsets, self._tracks, self._weights, self._pairs = map(_read_only, arrays)
        # h / 100 < b / 100 exactly when h < b: both are the nearest floats of distinct fractions.
        self._limit = table.below / 100
        other = table.otherwise
        self._otherwise = None if other is None else TablePicker(other, artist_of, purpose)

    def pick(self, request: Request) -> int | None:
        """The answer to a request."""
        if self._otherwise is not None and request.time < self._limit:
            return self._otherwise.pick(request)
        row, draw = self._row(request), _draw(request, self._purpose)
        if row < 0:
            return None
        if self.table.pick == Pick.ANCHORED:
            plays = np.array(request.history).reshape(-1, 2)
            anchors, times = (
                plays[:, 0].astype(np.int64),
                (plays[:, 1] * 100.0 + 0.5).astype(np.int64),
            )
            return _track(kernels.anchored(self._offsets, self._tracks, anchors, times, draw))
        begin, end = int(self._offsets[row]), int(self._offsets[row + 1])
        if self.table.exclude_previous:
            return _track(
                kernels.without_previous(self._tracks, begin, end, request.previous, draw)
            )
        if self._weights is not None:
            return _track(kernels.by_weight(self._tracks, begin, end, self._weights, 0, draw))
        return pick_from(self._tracks, begin, end, self.table.pick, request, self._purpose)

    def _row(self, request: Request) -> int:
        key = self.table.key
        if key == Key.NOTHING:
            return 0
        if key == Key.ARTIST:
            return int(self._artist_of[request.previous])
        if key == Key.USER_FIRST:
            code = request.row * len(self._artist_of) + request.first
            return kernels.pair_row(self._pairs, 0, len(self._pairs), code)
        names = {Key.USER: "row", Key.PREVIOUS: "previous", Key.FIRST: "first"}
        return getattr(request, names[key])


def pick_from(
    tracks: npt.NDArray[np.int32], begin: int, end: int, how: Pick, request: Request, purpose: int
) -> int | None:
    """The pick from the tracks of a row from `begin` to `end`: a track, or None on a miss.

    Args:
        tracks: int32, read-only (for others the kernels would be compiled once more).
        begin: of the row.
        end: of the row.
        how: UNIFORM, RANK or FIRST_UNSEEN.
        request: what the pick depends on.
        purpose: what the draws are for, see `fallback_purpose`.
    """
    if how == Pick.UNIFORM:
        return _track(kernels.uniformly(tracks, begin, end, _draw(request, purpose)))
    if how == Pick.RANK:
        return _track(kernels.by_rank(tracks, begin, end, request.step))
    played = np.array(request.played, np.int32)
    return _track(kernels.first_unseen(tracks, begin, end, played, np.full(2, -1)))


def _track(picked: int) -> int | None:
    return None if picked == kernels.NONE else picked


def _draw(request: Request, purpose: int) -> kernels.Draw:
    return request.seed, request.step, request.user, purpose, request.session


def _read_only(values: Any) -> Any:
    if values is not None:
        values = values.view()
        values.setflags(write=False)
    return values
