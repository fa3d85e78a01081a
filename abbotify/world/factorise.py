"""Taste vectors from who plays what: tracks played by the same people point the same way.

The matrix of log(1 + plays) has its columns (tracks) scaled to length 1, so that a track heard by
hundreds counts as much as one heard by three; the columns are projected on the best subspace of
the wanted dimension and scaled to length 1 again. Two tracks' score is the cosine between them
as that subspace shows it. Raw factors would grow with popularity: popular tracks would score
hundreds with each other, and everybody would like them.

Every sum has one fixed order and nothing calls BLAS or LAPACK, so the bits do not depend on
threads or libraries.

Sources: Halko, Martinsson, Tropp: Finding structure with randomness (2011), algorithm 4.4;
Cremonesi, Koren, Turrin: Performance of recommender algorithms on top-N tasks (2010), PureSVD.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify import rng, vectors
from abbotify.errors import DataError
from abbotify.jit import kernel
from abbotify.rng import Purpose, Stream
from abbotify.world.base import IntArray

Floats = npt.NDArray[np.float64]

TARGET: Final = 7.0  # what the median of the top-10 neighbours scores
NEIGHBOURS: Final = 10

_OWN_DIRECTION: Final = rng.attempt(Purpose.FACTORS, 1)
_ITERATIONS: Final = 20
_DEPENDENT: Final = 1e-10  # of a column's length: what is left of it is rounding
_INVISIBLE: Final = 1e-6  # shorter projections of a unit column are rounding
_SAMPLE: Final = 2_000  # tracks whose neighbours are looked at to find the scale
_SMALLEST: Final = 1e-6  # median scores below it cannot be scaled to the target


class Counts(NamedTuple):
    """How often each row (a listener, a list) has each track, in compressed rows.

    Attributes:
        offsets: int64 (rows + 1).
        tracks: int64 (offsets[-1]), ascending within a row.
        counts: int64 (offsets[-1]), positive.
    """

    offsets: IntArray
    tracks: IntArray
    counts: IntArray


def counts_of(rows: IntArray, tracks: IntArray, counts: IntArray) -> Counts:
    """Triples as compressed rows, sorted; triples of the same row and track are added.

    The result does not depend on the order of the triples. Rows keep their order, but lose
    their numbers: rows without tracks vanish.
    """
    order = np.lexsort((tracks, rows))
    rows, tracks, counts = rows[order], tracks[order], counts[order]
    new_row = np.append(True, np.diff(rows) != 0)
    first = np.flatnonzero(new_row | np.append(True, np.diff(tracks) != 0))
    offsets = np.append(np.flatnonzero(new_row[first]), len(first))
    return Counts(offsets, tracks[first], np.add.reduceat(counts, first))


def track_vectors(counts: Counts, n_tracks: int, dims: int, seed: int) -> Floats:
    """A unit vector for each track, or zeros for a track that nobody has.

    A track of which the subspace shows nothing, such as one of two that only one listener has
    and has alone, gets a keyed direction of its own: like itself, and like nothing else.

    Args:
        counts: at least one.
        n_tracks: how many tracks there are, played or not.
        dims: of the vectors; as many are used as the matrix has rows and columns at most.
        seed: of the world.

    Returns:
        float64 (n_tracks, dims).
    """
    squared = np.zeros(n_tracks)
    values = _unit_columns(counts.tracks, counts.counts, squared)
    n_rows = len(counts.offsets) - 1
    rank = min(dims, n_rows, n_tracks)
    basis = rng.normals(seed, Stream.FIT, Purpose.FACTORS, n_rows, rank)
    by_track = np.zeros((n_tracks, rank))
    for _ in range(_ITERATIONS):
        basis = _orthonormal(basis)
        _transposed_product(counts.offsets, counts.tracks, values, basis, by_track)
        _product(counts.offsets, counts.tracks, values, by_track, basis)
    basis = _orthonormal(basis)
    _transposed_product(counts.offsets, counts.tracks, values, basis, by_track)
    out = np.zeros((n_tracks, dims))
    _unit_rows(by_track, out)
    for track in np.flatnonzero((squared > 0) & ~out.any(axis=1)).tolist():
        own = rng.normals(seed, Stream.FIT, _OWN_DIRECTION, 1, dims, first=track)
        _unit_rows(own, out[track : track + 1])
    return out


def scaled(raw: Floats, fitted: IntArray, file: Path) -> npt.NDArray[np.float32]:
    """Vectors scaled so that the median top-10 neighbour scores 7.

    The median is over all scores of fitted tracks with their 10 nearest other fitted tracks, for
    all of them or for at most 2,000, evenly spaced. Among up to 40 fitted tracks a quarter of the
    others is near, at least one.

    Args:
        raw: float64 (tracks, dims), of length about 1.
        fitted: int64, ascending: the tracks that somebody has.
        file: where that was read, for the error.

    Returns:
        float32 (tracks, dims padded).

    Raises:
        DataError: the median is not above 0: hardly any track shares a listener with another.
    """
    median = median_neighbour(vectors.padded(raw[fitted]))
    if not median > _SMALLEST:
        what = (
            f"the median score of a track's nearest tracks is {median:.3g}, so there is no scale:"
            " too few tracks share a listener or a list with others"
        )
        raise DataError(what, file=file)
    return vectors.padded(raw * math.sqrt(TARGET / median))


def median_neighbour(fitted: npt.NDArray[np.float32]) -> float:
    """The median score of tracks with their nearest other tracks, as `scaled` takes it; or 0.

    Args:
        fitted: float32 (tracks, dims padded).
    """
    count = len(fitted)
    if count < 2:
        return 0.0
    sample = np.arange(0, count, -(-count // _SAMPLE))
    k = 1 + min(NEIGHBOURS, max(1, (count - 1) // 4))
    tracks, scores = vectors.top_k(fitted[sample], fitted, k)
    itself = tracks == sample[:, None]
    # Among many equal tracks a track's own score may not be among the k: leave out the last then.
    itself[~itself.any(axis=1), -1] = True
    return float(np.median(scores[~itself].astype(np.float64)))


def _orthonormal(basis: Floats) -> Floats:
    columns = np.ascontiguousarray(basis.T)
    _gram_schmidt(columns)
    return np.ascontiguousarray(columns.T)


@kernel
def _unit_columns(tracks: IntArray, counts: IntArray, squared: Floats) -> Floats:
    values = np.empty(len(tracks))
    for i in range(len(tracks)):
        values[i] = math.log1p(counts[i])
        squared[tracks[i]] += values[i] * values[i]
    for i in range(len(tracks)):
        values[i] /= math.sqrt(squared[tracks[i]])
    return values


@kernel
def _product(
    offsets: IntArray, tracks: IntArray, values: Floats, by_track: Floats, out: Floats
) -> None:
    out[:] = 0.0
    for row in range(len(offsets) - 1):
        for i in range(offsets[row], offsets[row + 1]):
            for j in range(out.shape[1]):
                out[row, j] += values[i] * by_track[tracks[i], j]


@kernel
def _transposed_product(
    offsets: IntArray, tracks: IntArray, values: Floats, by_row: Floats, out: Floats
) -> None:
    out[:] = 0.0
    for row in range(len(offsets) - 1):
        for i in range(offsets[row], offsets[row + 1]):
            for j in range(out.shape[1]):
                out[tracks[i], j] += values[i] * by_row[row, j]


@kernel
def _gram_schmidt(columns: Floats) -> None:
    # Modified Gram-Schmidt. A column that depends on the earlier ones becomes zero.
    for i in range(len(columns)):
        before = math.sqrt(_inner(columns[i], columns[i]))
        for j in range(i):
            share = _inner(columns[i], columns[j])
            for k in range(columns.shape[1]):
                columns[i, k] -= share * columns[j, k]
        length = math.sqrt(_inner(columns[i], columns[i]))
        factor = 1.0 / length if length > _DEPENDENT * before else 0.0
        for k in range(columns.shape[1]):
            columns[i, k] *= factor


@kernel
def _unit_rows(rows: Floats, out: Floats) -> None:
    for row in range(len(rows)):
        length = math.sqrt(_inner(rows[row], rows[row]))
        if length > _INVISIBLE:
            for j in range(rows.shape[1]):
                out[row, j] = rows[row, j] / length


@kernel
def _inner(a: Floats, b: Floats) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total
