"""The training of a network, whatever it is: pairs, those held out, passes, the best one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from abbotify import rng
from abbotify.errors import UserError
from abbotify.jit import kernel
from abbotify.progress import Epoch
from abbotify.recommenders.neural.kernels import Pairs, shuffle
from abbotify.recommenders.shipped.neural import Neural
from abbotify.recommenders.training_log import Fitted, IntArray, OnPass, TrainingLog
from abbotify.rng import Purpose, Stream, seed_word, uniform
from abbotify.vectors import LANES

# The standard deviation of the start: with 0.005 to 0.02 the loss on held-out pairs is lowest,
# 0.0373 to 0.0378 on 552,000 pairs; with 0.1 it is 0.047, since what is hardly trained stays noise.
SPREAD: Final = 0.01

_DIVERGED: Final = 1e4  # listened fractions are at most 1: an error of 100 predicts nothing
_FALL: Final = 0.1  # of the rate on a plateau, as torch's ReduceLROnPlateau
_NOTICED: Final = 1e-4  # share by which a loss must fall to end a plateau, as there

_FIT: Final = Stream.FIT
_HOLDOUT: Final = Purpose.HOLDOUT


class Network(Protocol):
    """A network under training."""

    def train(self, order: IntArray, rate: float) -> float:
        """The loss of a pass over the pairs of some numbers, at a learning rate."""
        ...

    def error(self, held: IntArray) -> float:
        """The mean squared error of the pairs of some numbers."""
        ...

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """A copy of what it has learned."""
        ...


def fit_network(
    params: Neural,
    network: Network,
    log: TrainingLog,
    pairs: Pairs,
    chosen: IntArray,
    held: IntArray,
    seed: int,
    progress: OnPass,
) -> Fitted:
    """The passes of a training, with early stopping and a rate that falls on a plateau.

    Args:
        params: its settings.
        network: changed in place.
        log: what it learns from.
        pairs: of the log.
        chosen: the numbers of the pairs to train on, see `split`.
        held: the numbers of those held out.
        seed: of the dynamics, for the order of the pairs.
        progress: called after each pass.

    Returns:
        the network's arrays, with early stopping those of its best pass, and which starts, tracks
        and users the training has met, not counting pairs held out: `seen_start`, `seen_track`:
        bool (tracks); `seen_user`: bool (users).

    Raises:
        UserError: the training diverges.
    """
    patience, rate = Patience(params.early_stopping, params.reduce_on_plateau), params.learning_rate
    curve: list[Epoch] = []
    best: dict[str, npt.NDArray[Any]] | None = None
    for number in range(1, params.epochs + 1):
        order = chosen.copy()
        shuffle(order, seed_word(seed), Purpose.SHUFFLE, number)
        loss = network.train(order, rate)
        validation = network.error(held) if len(held) else None
        if not max(loss, validation or 0.0) < _DIVERGED:
            what = f"the training diverges in pass {number}: learning_rate is too high"
            raise UserError(f"{what}, got {rate:g}")
        curve.append(Epoch(number, loss, validation, rate))
        progress(number, params.epochs, loss)
        if validation is None:
            continue
        if patience.better(validation) and params.early_stopping is not None:
            best = network.arrays()
        if patience.stops():
            break
        if patience.slows():
            rate *= _FALL
    return Fitted({**(best or network.arrays()), **_met(pairs, chosen, log)}, tuple(curve))


@dataclass
class Patience:
    """Watches the loss on held-out pairs: when to stop, when to go slower.

    Attributes:
        stop_after: passes without improvement before the training stops; None never.
        slow_after: passes without improvement that are borne before the rate falls; None never.
        best: the lowest loss so far.
    """

    stop_after: int | None
    slow_after: int | None
    best: float = math.inf
    _worse: int = 0
    _base: float = math.inf
    _since_slower: int = 0

    def better(self, loss: float) -> bool:
        """Takes in the loss of a pass; whether it is the lowest so far."""
        improved = loss < self.best
        self.best = min(self.best, loss)
        self._worse = 0 if improved else self._worse + 1
        noticed = loss < self._base * (1.0 - _NOTICED)
        self._base = loss if noticed else self._base
        self._since_slower = 0 if noticed else self._since_slower + 1
        return improved

    def stops(self) -> bool:
        """Whether the training is over."""
        return self.stop_after is not None and self._worse >= self.stop_after

    def slows(self) -> bool:
        """Whether the rate falls now; it then has its patience again."""
        if self.slow_after is None or self._since_slower <= self.slow_after:
            return False
        self._since_slower = 0
        return True


def _met(pairs: Pairs, chosen: IntArray, log: TrainingLog) -> dict[str, npt.NDArray[np.bool_]]:
    return {
        "seen_start": np.bincount(pairs.start[chosen], minlength=log.tracks) > 0,
        "seen_track": np.bincount(pairs.track[chosen], minlength=log.tracks) > 0,
        "seen_user": np.bincount(pairs.row[chosen], minlength=log.users) > 0,
    }


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
