"""Tracks that are heard together: cosine of listened time, shrunk for pairs rarely met.

With a(s) and b(s) the hundredths of two tracks listened to in session (or by user) s, and n the
number of sessions in which both were listened to,

    score = sum a(s) b(s) / sqrt(sum a(s)^2 sum b(s)^2) * n / (n + shrinkage).

Sources: Sarwar et al., Item-based collaborative filtering recommendation algorithms (2001);
Bell and Koren, Lessons from the Netflix prize challenge (2007), for the shrinkage.

Sums of whole numbers are exact in any order, and the rest is one operation after another on
each pair, so scores have the same bits everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from pydantic import model_validator

from abbotify.recommenders.shipped import Learner
from abbotify.scenario.recommenders import Weight

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from abbotify.files.folders import Arrays
    from abbotify.recommenders.candidate_table import CandidateTable
    from abbotify.recommenders.training_log import Fitted, OnPass, TrainingLog
    from abbotify.world.base import IntArray, World

    Scores = npt.NDArray[np.float64]
    Scored = tuple[IntArray, IntArray, Scores]

CHUNK: Final = 4_000_000  # products of pairs made at once: some 200 MB


class Item2Item(Learner):
    """Tracks heard by the same users or in the same session: cosine, shrunk for rare pairs."""

    recommender: Literal["item2item"]
    together: Literal["session", "user"] = "session"
    shrinkage: Weight = 10.0
    key: Literal["history", "previous", "first"] = "history"

    @model_validator(mode="after")
    def _first_of_a_history(self) -> Item2Item:
        if self.key == "history" and self.pick != "uniform":
            raise ValueError("key: history picks as i2i does: pick is for previous and first")
        return self


class _Heard(NamedTuple):
    """Listened hundredths above 0.

    Attributes:
        times: scipy CSR array, int64 (tracks, sessions or users).
        transposed: the same, CSR too.
        squares: int64 (tracks), sums of squares.
    """

    times: Any
    transposed: Any
    squares: IntArray


def fit(
    params: Item2Item,
    log: TrainingLog,
    seed: int,
    progress: OnPass,
    *,
    chunk: int = CHUNK,
) -> Fitted:
    """The `size` best neighbours of every track; nothing is drawn.

    Args:
        params: the recommender's keys in the scenario file.
        log: what it learns from.
        seed: not needed.
        progress: called with the tracks done.
        chunk: bounds the memory; any number gives the same bits.

    Returns:
        Arrays `offsets` int64 (tracks + 1), `tracks` int32 and `scores` float64 beside them
        (for whoever looks into a model; serving needs the tracks alone):
        each track's neighbours by (-score, id), itself left out. No curve.

    Raises:
        UserError: nobody listened to anything.
    """
    import numpy as np

    from abbotify.recommenders.training_log import Fitted

    listening = _heard(params, log)
    counts = np.zeros(log.tracks + 1, np.int64)
    tracks, scores = [np.empty(0, np.int32)], [np.empty(0)]
    for start, stop in _chunks(listening, chunk):
        row, track, score = _best(*_pairs(listening, start, stop, params.shrinkage), params.size)
        counts[1:] += np.bincount(row, minlength=log.tracks)
        tracks.append(track.astype(np.int32))
        scores.append(score)
        progress(stop, log.tracks, None)
    arrays: Arrays = {
        "offsets": np.cumsum(counts),
        "tracks": np.concatenate(tracks),
        "scores": np.concatenate(scores),
    }
    return Fitted(arrays)


def lowered(params: Item2Item, arrays: Arrays, world: World) -> CandidateTable:
    """The lists as a table: by a recent play of the user's, or by one track of the session."""
    from abbotify.recommenders.candidate_table import table_of
    from abbotify.world.base import Lists

    lists = Lists(arrays["offsets"], arrays["tracks"])
    if params.key == "history":
        return table_of("previous", lists, "anchored")
    return table_of(params.key, lists, params.pick)


def _heard(params: Item2Item, log: TrainingLog) -> _Heard:
    import numpy as np
    import scipy.sparse

    hundredths, some = log.hundredths, log.listening()
    new = np.ones(len(log), np.bool_)
    new[1:] = np.diff(log.row) != 0
    if params.together == "session":
        new[1:] |= np.diff(log.session) != 0
    together = np.cumsum(new) - 1
    shape = (log.tracks, int(together[-1]) + 1)
    times = scipy.sparse.csr_array((hundredths[some], (log.track[some], together[some])), shape)
    times.sum_duplicates()
    return _Heard(times, times.T.tocsr(), times.multiply(times).sum(axis=1))


def _chunks(listening: _Heard, chunk: int) -> Iterator[tuple[int, int]]:
    """Ranges of tracks with about `chunk` products each, at least one track."""
    import numpy as np

    lengths = np.diff(listening.transposed.indptr).astype(np.int64)
    ends = np.cumsum(lengths[listening.times.indices])
    products = np.concatenate([np.zeros(1, np.int64), ends])[listening.times.indptr]
    start, count = 0, len(listening.squares)
    while start < count:
        stop = int(np.searchsorted(products, products[start] + chunk, side="right")) - 1
        yield start, (stop := min(max(stop, start + 1), count))
        start = stop


def _pairs(listening: _Heard, start: int, stop: int, shrinkage: float) -> Scored:
    """The pairs of a range of tracks that were met: (track, other track, score)."""
    import numpy as np

    products = (listening.times[start:stop] @ listening.transposed).tocoo()
    row, track = start + products.row.astype(np.int64), products.col.astype(np.int64)
    squares = listening.squares.astype(np.float64)
    score = products.data / np.sqrt(squares[row] * squares[track])
    if shrinkage > 0.0:
        # The same pairs in the same order: no product of hundredths above 0 is 0.
        both = (_ones(listening.times[start:stop]) @ _ones(listening.transposed)).data
        score *= both / (both + shrinkage)
    other = row != track
    return row[other], track[other], score[other]


def _ones(matrix: Any) -> Any:
    import numpy as np
    import scipy.sparse

    parts = (np.ones_like(matrix.data), matrix.indices, matrix.indptr)
    return scipy.sparse.csr_array(parts, shape=matrix.shape)


def _best(row: IntArray, track: IntArray, score: Scores, size: int) -> Scored:
    """Of each row the `size` entries with the largest score, ties by track."""
    import numpy as np

    order = np.lexsort((track, -score, row))
    row, track, score = row[order], track[order], score[order]
    first = np.searchsorted(row, row)  # where the entry's row begins
    kept = np.arange(len(row)) - first < size
    return row[kept], track[kept], score[kept]
