"""A candidate table as a function of a request, fast enough to be called for every track.

Memory views hand out Python integers at once, where a numpy array would make a scalar object and
cost twice; a row's bounds and the keyed draw are each one call.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify import rng
from abbotify.recommenders.base import Request
from abbotify.recommenders.candidate_table import CandidateTable, Key, Pick

PickFunction = Callable[[Request], int | None]

_USERS: Final = rng.Stream.USERS
_choice, _uniform = rng.choice, rng.uniform
_FEW: Final = 8  # up to this many, a scan of a list is faster than making a set


class _Views(NamedTuple):
    row_of: Callable[[Request], int]
    offsets: Any
    tracks: Any
    weights: Any
    purpose: int


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
        self.table = table
        self.pick: PickFunction = _pick_function(table, artist_of, purpose)


def _pick_function(
    table: CandidateTable, artist_of: npt.NDArray[np.int32], purpose: int
) -> PickFunction:
    views = _views(table, artist_of, purpose)
    kind = _without_previous if table.exclude_previous else _RULES[table.pick]
    usual = kind(views)
    if table.otherwise is None:
        return usual
    other = _pick_function(table.otherwise, artist_of, purpose)
    # h / 100 < b / 100 exactly when h < b: both are the nearest floats of distinct fractions.
    limit = table.below / 100

    def either(request: Request) -> int | None:
        return other(request) if request.time < limit else usual(request)

    return either


def _views(table: CandidateTable, artist_of: npt.NDArray[np.int32], purpose: int) -> _Views:
    offsets, tracks = table.lists
    if table.pairs is not None:
        offsets = np.append(offsets, offsets[-1])  # the empty row of all pairs without one
    weights = None if table.weights is None else table.weights.data
    row_of = _row_function(table, artist_of)
    return _Views(row_of, offsets.data, tracks.data, weights, purpose)


def _row_function(
    table: CandidateTable, artist_of: npt.NDArray[np.int32]
) -> Callable[[Request], int]:
    if table.pairs is not None:
        return _pair_row(table.pairs.data, len(artist_of))
    if table.key == Key.ARTIST:
        artists = np.ascontiguousarray(artist_of).data
        return lambda request: artists[request.previous]
    if table.key == Key.NOTHING:
        return lambda request: 0
    name = {Key.USER: "row", Key.PREVIOUS: "previous", Key.FIRST: "first"}[table.key]
    return attrgetter(name)


def _pair_row(pairs: Any, n_tracks: int) -> Callable[[Request], int]:
    absent = len(pairs)

    def row_of(request: Request) -> int:
        code = request.row * n_tracks + request.first
        place = bisect_left(pairs, code)
        return place if place < absent and pairs[place] == code else absent

    return row_of


def _by_choice(views: _Views) -> PickFunction:
    row_of, offsets, tracks, _, purpose = views
    if len(offsets) == 2:  # one row for every request: nothing to look up
        return _by_choice_of_all(tracks, offsets[1], purpose)

    def pick(request: Request) -> int | None:
        row = row_of(request)
        start = offsets[row]
        n = offsets[row + 1] - start
        if not n:
            return None
        user, step, session = request.user, request.step, request.session
        drawn = _choice(request.seed, _USERS, step, user, purpose, session, n)
        return tracks[start + drawn]

    return pick


def _by_choice_of_all(tracks: Any, n: int, purpose: int) -> PickFunction:
    def pick(request: Request) -> int | None:
        if not n:
            return None
        user, step, session = request.user, request.step, request.session
        return tracks[_choice(request.seed, _USERS, step, user, purpose, session, n)]

    return pick


def _without_previous(views: _Views) -> PickFunction:
    row_of, offsets, tracks, _, purpose = views

    def pick(request: Request) -> int | None:
        row = row_of(request)
        start, end = offsets[row], offsets[row + 1]
        place = bisect_left(tracks, request.previous, start, end)
        inside = place < end and tracks[place] == request.previous
        n = end - start - inside
        if not n:
            return None
        user, step, session = request.user, request.step, request.session
        drawn = start + _choice(request.seed, _USERS, step, user, purpose, session, n)
        return tracks[drawn + (inside and drawn >= place)]

    return pick


def _by_rank(views: _Views) -> PickFunction:
    row_of, offsets, tracks, _, _ = views

    def pick(request: Request) -> int | None:
        row = row_of(request)
        place = offsets[row] + request.step - 1
        return tracks[place] if place < offsets[row + 1] else None

    return pick


def _first_unseen(views: _Views) -> PickFunction:
    row_of, offsets, tracks, _, _ = views

    def pick(request: Request) -> int | None:
        row = row_of(request)
        played = request.played
        seen = played if len(played) <= _FEW else set(played)
        for place in range(offsets[row], offsets[row + 1]):
            if (track := tracks[place]) not in seen:
                return track
        return None

    return pick


def _by_weight(views: _Views) -> PickFunction:
    row_of, offsets, tracks, weights, purpose = views

    def pick(request: Request) -> int | None:
        row = row_of(request)
        start, end = offsets[row], offsets[row + 1]
        if start == end or weights[end - 1] <= 0.0:
            return None
        user, step, session = request.user, request.step, request.session
        drawn = _uniform(request.seed, _USERS, step, user, purpose, session)
        # drawn <= 1 - 2**-53, so the product stays below the total even after rounding.
        place = bisect_right(weights, drawn * weights[end - 1], start, end)
        return tracks[place]

    return pick


def _anchored(views: _Views) -> PickFunction:
    _, offsets, tracks, _, purpose = views

    def pick(request: Request) -> int | None:
        history = request.history
        hundredths = [int(time * 100.0 + 0.5) for _, time in history]
        left = sum(hundredths)
        seen = [track for track, _ in history]
        attempt = 0
        while left:
            user, step, session = request.user, request.step, request.session
            tried = purpose | attempt << 32
            place = _place(
                hundredths, _choice(request.seed, _USERS, step, user, tried, session, left)
            )
            left -= hundredths[place]
            hundredths[place] = 0
            attempt += 1
            anchor = seen[place]
            for candidate in tracks[offsets[anchor] : offsets[anchor + 1]]:
                if candidate not in seen:
                    return candidate
        return None

    return pick


def _place(weights: list[int], drawn: int) -> int:
    """The first place whose weights up to it, itself included, exceed the number drawn."""
    place = 0
    while drawn >= weights[place]:
        drawn -= weights[place]
        place += 1
    return place


_RULES: Final[dict[Pick, Callable[[_Views], PickFunction]]] = {
    Pick.UNIFORM: _by_choice,
    Pick.RANK: _by_rank,
    Pick.FIRST_UNSEEN: _first_unseen,
    Pick.WEIGHTED: _by_weight,
    Pick.ANCHORED: _anchored,
}


def _of_list_by_choice(tracks: list[int], request: Request, purpose: int) -> int | None:
    user, step, session = request.user, request.step, request.session
    return tracks[_choice(request.seed, _USERS, step, user, purpose, session, len(tracks))]


def _of_list_by_rank(tracks: list[int], request: Request, purpose: int) -> int | None:
    place = request.step - 1
    return tracks[place] if place < len(tracks) else None


def _of_list_unseen(tracks: list[int], request: Request, purpose: int) -> int | None:
    seen: Any = request.played
    if len(seen) > _FEW:
        seen = set(seen)
    return next((track for track in tracks if track not in seen), None)


# The same rules for a list at hand, not empty, which is not one of a table's rows. One body for
# both would cost every pick from a table a slice.
LIST_RULES: Final[dict[Pick, Callable[[list[int], Request, int], int | None]]] = {
    Pick.UNIFORM: _of_list_by_choice,
    Pick.RANK: _of_list_by_rank,
    Pick.FIRST_UNSEEN: _of_list_unseen,
}
