"""LinUCB: a ridge regression of the listened fraction, and the track with the best upper bound.

Source: Li, Chu, Langford and Schapire, A contextual-bandit approach to personalized news article
recommendation (WWW 2010). One regression is shared by all tracks, as in Chu, Li, Reyzin and
Schapire, Contextual bandits with linear payoff functions (AISTATS 2011), algorithm 1: a track
never recommended is judged by others like it, where one regression a track would start anew.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.jit import kernel
from abbotify.recommenders.base import Request
from abbotify.world.base import Catalogue, IntArray

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]

DENSE: Final = 8  # features every track has, see `_describe`
GENRES: Final = 64  # an update takes (DENSE + GENRES)**2 steps; rarer genres have no feature
_NO_GENRE: Final = -1


class Described(NamedTuple):
    """A track as a request sees it.

    Attributes:
        dense: float64 (DENSE), the first features.
        column: which other feature is 1, or -1 for none.
    """

    dense: Floats
    column: int


class _Tracks(NamedTuple):
    popularity: Floats
    artist: Ints
    genre: Ints
    column: Ints


class LinUCB:
    """The policy: the largest estimate plus `alpha` standard deviations of it.

    Attributes:
        alpha: how much uncertainty counts.
        weights: float64 (features): the ridge regression's, penalty 1.
        inverse: float64 (features, features): of (I + sum of x x^T) over all x learned from.
    """

    def __init__(self, catalogue: Catalogue, alpha: float) -> None:
        self.alpha = alpha
        self._tracks = _Tracks(
            _less_popular(catalogue.popularity),
            catalogue.artist,
            catalogue.genre,
            _columns(catalogue),
        )
        self._heard = np.zeros(len(catalogue.artists), np.int64)
        features = int(self._tracks.column.max(initial=DENSE - 1)) + 1
        self.weights = np.zeros(features)
        self.inverse = np.eye(features)

    def choose(self, tracks: Ints, request: Request) -> tuple[int, Described]:
        """The track chosen among some, ties by the smaller id, and what `learn` has to be told."""
        rows = self.described(tracks, request)
        columns = self._tracks.column[tracks]
        place = _best(tracks, rows, columns, self.weights, self.inverse, self.alpha)
        return int(tracks[place]), Described(rows[place].copy(), int(columns[place]))

    def described(self, tracks: Ints, request: Request) -> Floats:
        """The dense features of some tracks for a request, float64 (tracks, DENSE)."""
        rows = np.empty((len(tracks), DENSE))
        played = np.fromiter(request.played, np.int64, len(request.played))
        first, previous, time = request.first, request.previous, request.time
        _describe(rows, tracks, *self._tracks[:3], played, self._heard, first, previous, time)
        return rows

    def learn(self, choice: Described, time: float) -> None:
        """Adds what came of a choice.

        Args:
            choice: as `choose` gave it.
            time: the listened fraction, 0 .. 1.
        """
        _update(self.weights, self.inverse, choice.dense, choice.column, time)


def _less_popular(popularity: Floats) -> Floats:
    """The share of tracks that are less popular: popularities may be of any scale."""
    return np.searchsorted(np.sort(popularity), popularity) / max(1, len(popularity))


def _columns(catalogue: Catalogue) -> Ints:
    """The feature of each track's genre: int32 (tracks), -1 for none."""
    known = catalogue.genre >= 0
    counts = np.bincount(catalogue.genre[known], minlength=len(catalogue.genres))
    column_of = np.full(len(counts) + 1, _NO_GENRE, np.int32)  # the last is that of genre -1
    common = np.argsort(-counts, kind="stable")[:GENRES]
    column_of[common] = DENSE + np.arange(len(common))
    return column_of[catalogue.genre]


@kernel
def _describe(
    rows: Floats,
    tracks: Ints,
    popularity: Floats,
    artist: Ints,
    genre: Ints,
    played: IntArray,
    plays: IntArray,
    first: int,
    previous: int,
    time: float,
) -> None:
    """Fills `rows`; `plays` is all zeros, one for each artist, before and after."""
    for track in played:
        plays[artist[track]] += 1
    for place in range(len(tracks)):
        track = tracks[place]
        genre_here, times = genre[track], plays[artist[track]]
        like_previous = 1.0 if genre_here >= 0 and genre_here == genre[previous] else 0.0
        same_artist = 1.0 if artist[track] == artist[previous] else 0.0
        rows[place, 0] = 1.0
        rows[place, 1] = popularity[track]
        rows[place, 2] = like_previous
        rows[place, 3] = like_previous * time
        rows[place, 4] = same_artist
        rows[place, 5] = same_artist * time
        rows[place, 6] = 1.0 if genre_here >= 0 and genre_here == genre[first] else 0.0
        rows[place, 7] = times / (1.0 + times)  # an artist tires: the first repeats most
    for track in played:
        plays[artist[track]] = 0


@kernel
def _best(
    tracks: Ints, rows: Floats, columns: Ints, weights: Floats, inverse: Floats, alpha: float
) -> int:
    # Plain loops: BLAS sums in an order that depends on the machine.
    best, chosen = -math.inf, -1
    for place in range(len(tracks)):
        x, column = rows[place], columns[place]
        estimate, variance = 0.0, 0.0
        for i in range(DENSE):
            estimate += x[i] * weights[i]
            inner = 0.0
            for j in range(DENSE):
                inner += inverse[i, j] * x[j]
            if column >= 0:
                inner += 2.0 * inverse[i, column]
            variance += x[i] * inner
        if column >= 0:
            estimate += weights[column]
            variance += inverse[column, column]
        bound = estimate + alpha * math.sqrt(max(variance, 0.0))
        tied = bound == best and tracks[place] < tracks[chosen]
        if chosen < 0 or bound > best or tied:
            best, chosen = bound, place
    return chosen


@kernel
def _update(weights: Floats, inverse: Floats, x: Floats, column: int, time: float) -> None:
    """Recursive least squares: the inverse by Sherman and Morrison's formula, then the weights."""
    features = len(weights)
    gain = np.zeros(features)
    for i in range(features):
        for j in range(DENSE):
            gain[i] += inverse[i, j] * x[j]
        if column >= 0:
            gain[i] += inverse[i, column]
    scale, error = 1.0, time
    for j in range(DENSE):
        scale += x[j] * gain[j]
        error -= x[j] * weights[j]
    if column >= 0:
        scale += gain[column]
        error -= weights[column]
    for i in range(features):
        weights[i] += gain[i] * error / scale
        for j in range(features):
            inverse[i, j] -= gain[i] * gain[j] / scale  # stays symmetric to the last bit
