"""Training pairs from a log, which of them are held out, and the embeddings they start from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abbotify import rng
from abbotify.errors import UserError
from abbotify.jit import kernel
from abbotify.recommenders.neural.kernels import Pairs
from abbotify.recommenders.training_log import TrainingLog
from abbotify.rng import Purpose, Stream, seed_word, uniform
from abbotify.vectors import LANES

# The standard deviation of the start: with 0.005 to 0.02 the loss on held-out pairs is lowest,
# 0.0373 to 0.0378 on 552,000 pairs; with 0.1 it is 0.047, since what is hardly trained stays noise.
SPREAD = 0.01

_FIT = Stream.FIT
_HOLDOUT = Purpose.HOLDOUT


def training_pairs(log: TrainingLog) -> Pairs:
    """(user, start, track, listened fraction) of every recommended track.

    Raises:
        UserError: there is none.
    """
    later = log.step > 0
    if not later.any():
        raise UserError("there is nothing to learn from: no recommended track was played")
    return Pairs(
        log.row[later], log.first[later], log.track[later], log.time[later].astype(np.float32)
    )


def split(
    log: TrainingLog, share: float, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Numbers of the pairs to train on, and of those held out.

    Whether a pair is held out depends on its user, session and step alone, so a longer log does
    not reshuffle it.

    Args:
        log: the plays.
        share: of the pairs that is held out.
        seed: of the dynamics.

    Raises:
        UserError: one of the two is empty though it should not be.
    """
    later = log.step > 0
    held = np.zeros(np.count_nonzero(later), np.bool_)
    if share > 0.0:
        _hold_out(held, log.row[later], log.session[later], log.step[later], seed_word(seed), share)
    chosen, out = np.flatnonzero(~held), np.flatnonzero(held)
    if not len(chosen) or (share > 0.0 and not len(out)):
        raise UserError(f"{len(held)} pairs are too few to hold out a share of {share:g}")
    return chosen, out


@kernel
def _hold_out(
    held: npt.NDArray[np.bool_],
    row: npt.NDArray[np.int64],
    session: npt.NDArray[np.int64],
    step: npt.NDArray[np.int64],
    seed: int,
    share: float,
) -> None:
    for i in range(len(held)):
        held[i] = uniform(seed, _FIT, step[i], row[i], _HOLDOUT, session[i]) < share


def embeddings(kind: int, rows: int, dims: int, seed: int) -> npt.NDArray[np.float32]:
    """Embeddings before the training: keyed, so a row's start depends on its number alone.

    Args:
        kind: which table, 0, 1, 2.
        rows: how many.
        dims: of the embeddings.
        seed: of the dynamics.

    Returns:
        float32 (rows, dims padded to a multiple of 16), padding zero.
    """
    purpose = rng.attempt(Purpose.EMBEDDINGS, kind)
    out = np.zeros((rows, -(-dims // LANES) * LANES), np.float32)
    out[:, :dims] = SPREAD * rng.normals(seed, Stream.FIT, purpose, rows, dims)
    return out
