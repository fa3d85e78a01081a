"""Candidate tables: rows of tracks, the key that chooses a row, the rule that picks from it.

Every rule is plain integer arithmetic over the same arrays, so that any engine can follow it. The
words of a pick are those of the block (seed, stream USERS), (step, user, purpose, session); `w`
below is its first word, and a choice among n is the high word of `w * n` (see `rng`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify import rng
from abbotify.world.base import Catalogue, IntArray, Lists, World

# compiled into kernels: this, and the numbers of keys and picks
HISTORY: Final = 10  # how many plays, the current one included, an anchored pick looks back on
_FALLBACK_SPACING: Final = 256  # every other purpose is smaller


class Key(IntEnum):
    """What chooses the row of a table."""

    NOTHING = 0  # one row for everybody
    USER = 1  # the user's row in the world
    ARTIST = 2  # the artist of the track just played
    PREVIOUS = 3  # the track just played
    FIRST = 4  # the session's first track
    USER_FIRST = 5  # the user's row and the session's first track, found in `pairs`


class Pick(IntEnum):
    """How a track is picked from a row of n tracks; an empty row is a miss.

    UNIFORM: the choice among n.
    RANK: entry `step - 1`; beyond the end is a miss.
    FIRST_UNSEEN: the first that was not played in this session; none left is a miss.
    WEIGHTED: the first entry whose cumulative weight exceeds `real(w)` times the row's last one;
        a total of 0 is a miss.
    ANCHORED: attempt 0, 1, ... draws one of the user's last 10 plays (the current one included)
        with probability proportional to its listened hundredths, without replacement; the pick
        is the first track of the row of the play's track that is not among the 10. No play with
        hundredths left is a miss.
    """

    UNIFORM = 0
    RANK = 1
    FIRST_UNSEEN = 2
    WEIGHTED = 3
    ANCHORED = 4


@dataclass(frozen=True, eq=False)
class CandidateTable:
    """Rows of tracks with a key and a pick rule.

    Attributes:
        key: what chooses the row.
        lists: the rows; any integer arrays, kept as int64 offsets and int32 tracks.
        pick: how a track is picked from the row.
        weights: float64, beside `lists.tracks`: the cumulative weights of each row (WEIGHTED).
        exclude_previous: the track just played is left out of a uniform pick: of the remaining
            n - 1, those from its place on move down by one. Rows must be ascending.
        below: after a track listened to less than this many hundredths, `otherwise` answers.
        otherwise: the table that then stands in; its miss is a miss.
        pairs: int64 (rows), ascending: `user's row * tracks + first track` of each row
            (USER_FIRST); any other pair is a miss.

    Raises:
        ValueError: the arrays do not fit together.
    """

    key: Key
    lists: Lists
    pick: Pick
    weights: npt.NDArray[np.float64] | None = None
    exclude_previous: bool = False
    below: int = 0
    otherwise: CandidateTable | None = None
    pairs: IntArray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", Key(self.key))
        object.__setattr__(self, "pick", Pick(self.pick))
        _check_rule(self)
        offsets = _integers(self.lists.offsets, "offsets", np.int64)
        lists = Lists(offsets, _integers(self.lists.tracks, "tracks", np.int32))
        _check_lists(lists)
        object.__setattr__(self, "lists", lists)
        if self.weights is not None:
            weights = np.ascontiguousarray(self.weights, np.float64)
            _check_weights(weights, lists)
            object.__setattr__(self, "weights", weights)
        if self.pairs is not None:
            pairs = _integers(self.pairs, "pairs", np.int64)
            _check(bool((np.diff(pairs) > 0).all()), "pairs must be strictly ascending")
            object.__setattr__(self, "pairs", pairs)
        if self.exclude_previous:
            _check(_rows_ascend(lists), "exclude_previous needs strictly ascending rows")

    @property
    def rows(self) -> int:
        """How many rows the table has."""
        return len(self.lists.offsets) - 1

    @property
    def never_misses(self) -> bool:
        """Whether every request is answered: uniform over one row that is not empty."""
        whole = self.key == Key.NOTHING and self.pick == Pick.UNIFORM and not self.exclude_previous
        alone = self.otherwise is None or self.otherwise.never_misses
        return whole and len(self.lists.tracks) > 0 and alone

    def copy(self) -> CandidateTable:
        """The same table in memory of its own, whatever becomes of the arrays it was made of."""
        return CandidateTable(
            self.key,
            Lists(*map(np.array, self.lists)),
            self.pick,
            None if self.weights is None else np.array(self.weights),
            self.exclude_previous,
            self.below,
            None if self.otherwise is None else CandidateTable.copy(self.otherwise),
            None if self.pairs is None else np.array(self.pairs),
        )

    def check(self, world: World) -> None:
        """Compares the table with the world it is to serve.

        Raises:
            ValueError: a track outside the catalogue, or another number of rows than keys.
        """
        tracks, catalogue = self.lists.tracks, world.catalogue
        if len(tracks) and not 0 <= tracks.min() <= tracks.max() < len(catalogue):
            wrong = tracks[(tracks < 0) | (tracks >= len(catalogue))][0]
            raise ValueError(f"track {wrong} is not between 0 and {len(catalogue) - 1}")
        expected = {
            Key.NOTHING: 1,
            Key.USER: len(world.users),
            Key.ARTIST: len(catalogue.artists),
            Key.USER_FIRST: 0 if self.pairs is None else len(self.pairs),
        }.get(self.key, len(catalogue))
        what = f"key {self.key.name} needs {expected} rows, got {self.rows}"
        _check(self.rows == expected, what)
        if self.otherwise is not None:
            self.otherwise.check(world)


def random_table(catalogue: Catalogue) -> CandidateTable:
    """Any track, uniformly; it never misses."""
    return one_row(np.arange(len(catalogue), dtype=np.int32), "uniform")


def one_row(tracks: npt.NDArray[np.int32], pick: str) -> CandidateTable:
    """The same row for everybody."""
    return table_of("nothing", Lists(np.array([0, len(tracks)], np.int64), tracks), pick)


def table_of(key: str, lists: Lists, pick: str) -> CandidateTable:
    """A table whose key and pick are named as in a scenario file, in small letters."""
    return CandidateTable(Key[key.upper()], lists, Pick[pick.upper()])


def some_rows(n: int, rows: IntArray, lists: npt.NDArray[np.int32]) -> Lists:
    """The lists of n rows: those of `rows` are the rows of `lists`, the others are empty."""
    lengths = np.zeros(n + 1, np.int64)
    lengths[rows + 1] = lists.shape[1]
    return Lists(np.cumsum(lengths), lists.reshape(-1))


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


def fallback_purpose(depth: int) -> int:
    """The purpose of the draws of a recommender at a depth of an arm's chain.

    Depth 0 is the recommender itself, depth 1 is the recommender's fallback, 2 that fallback's
    own, ... They are 256 apart, above all other purposes and below the attempt number's 32 bits,
    so that no two recommenders of an arm ever share a draw.
    """
    if depth == 0:
        return rng.Purpose.RECOMMEND
    return rng.Purpose.FALLBACK + _FALLBACK_SPACING * (depth - 1)


def _check(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


def _check_rule(table: CandidateTable) -> None:
    anchored, uniform = table.pick == Pick.ANCHORED, table.pick == Pick.UNIFORM
    _check(not anchored or table.key == Key.PREVIOUS, "ANCHORED needs the key PREVIOUS")
    _check(uniform or not table.exclude_previous, "exclude_previous needs the pick UNIFORM")
    weighted = table.pick == Pick.WEIGHTED
    _check(weighted == (table.weights is not None), "weights belong to WEIGHTED, and it needs them")
    paired = table.key == Key.USER_FIRST
    _check(paired == (table.pairs is not None), "pairs belong to USER_FIRST, and it needs them")
    below_fits = type(table.below) is int and 0 <= table.below <= 100
    _check(below_fits, f"below must be whole hundredths 0 .. 100, got {table.below!r}")
    twofold = table.otherwise is not None
    _check(twofold or table.below == 0, "below needs a table to use otherwise")


def _integers(values: Any, name: str, dtype: type[np.signedinteger[Any]]) -> npt.NDArray[Any]:
    array = np.asarray(values)
    _check(array.ndim == 1, f"{name} must have one dimension, got {array.ndim}")
    # An empty list of Python's is a float array.
    _check(array.dtype.kind in "iu" or array.size == 0, f"{name} must be integers")
    bounds = np.iinfo(dtype)
    if array.size:
        inside = int(array.min()) >= bounds.min and int(array.max()) <= bounds.max
        _check(inside, f"{name} must fit in {bounds.bits} bits")
    return np.ascontiguousarray(array, dtype)


def _check_lists(lists: Lists) -> None:
    offsets, tracks = lists
    _check(len(offsets) >= 1 and offsets[0] == 0, "offsets must start at 0")
    _check(bool((np.diff(offsets) >= 0).all()), "offsets must not fall")
    what = f"offsets must end at the number of tracks, {len(tracks)}, got {offsets[-1]}"
    _check(int(offsets[-1]) == len(tracks), what)


def _within_rows(lists: Lists) -> npt.NDArray[np.bool_]:
    """For each entry but the first, whether its predecessor is of the same row."""
    same = np.ones(max(0, len(lists.tracks) - 1), np.bool_)
    starts = lists.offsets[1:-1]
    same[starts[(starts > 0) & (starts < len(lists.tracks))] - 1] = False
    return same


def _check_weights(weights: npt.NDArray[np.float64], lists: Lists) -> None:
    what = f"needs one weight a track, {len(lists.tracks)}, got {weights.size}"
    _check(weights.shape == lists.tracks.shape, what)
    fits = bool(np.isfinite(weights).all() and (weights >= 0).all())
    _check(fits, "weights must be finite and not negative")
    rise = bool((np.diff(weights)[_within_rows(lists)] >= 0).all())
    _check(rise, "weights must be cumulative: they must not fall within a row")


def _rows_ascend(lists: Lists) -> bool:
    return bool((np.diff(lists.tracks)[_within_rows(lists)] > 0).all())
