"""The passes of a training, whatever is trained: validation, early stopping, falling rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify.errors import UserError
from abbotify.progress import Epoch
from abbotify.recommenders.neural.kernels import Pairs, shuffle
from abbotify.recommenders.shipped.neural import Neural
from abbotify.recommenders.training_log import TrainingLog
from abbotify.rng import Purpose, seed_word

IntArray = npt.NDArray[np.int64]

_DIVERGED: Final = 1e4  # listened fractions are at most 1: an error of 100 predicts nothing
_FALL: Final = 0.1  # of the rate on a plateau, as torch's ReduceLROnPlateau
_NOTICED: Final = 1e-4  # share by which a loss must fall to end a plateau, as there


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


def passes(
    params: Neural,
    chosen: IntArray,
    seed: int,
    train: Callable[[IntArray, float], float],
    judge: Callable[[], float] | None,
) -> Iterator[tuple[Epoch, bool]]:
    """The passes of a training, each with whether the model is the best one so far.

    Args:
        params: its settings.
        chosen: the numbers of the pairs to train on.
        seed: of the dynamics, for the order of the pairs.
        train: makes a pass over the pairs in an order, at a learning rate; its loss.
        judge: the loss on held-out pairs; None when there are none.

    Raises:
        UserError: the training diverges.
    """
    patience = Patience(params.early_stopping, params.reduce_on_plateau)
    rate = params.learning_rate
    for number in range(1, params.epochs + 1):
        order = chosen.copy()
        shuffle(order, seed_word(seed), Purpose.SHUFFLE, number)
        loss = train(order, rate)
        validation = None if judge is None else judge()
        if not max(loss, validation or 0.0) < _DIVERGED:
            what = f"the training diverges in pass {number}: learning_rate is too high"
            raise UserError(f"{what}, got {rate:g}")
        if validation is None:
            yield Epoch(number, loss, None, rate), True
            continue
        yield Epoch(number, loss, validation, rate), patience.better(validation)
        if patience.stops():
            return
        if patience.slows():
            rate *= _FALL


def met(pairs: Pairs, chosen: IntArray, log: TrainingLog) -> dict[str, npt.NDArray[np.bool_]]:
    """What a training has met, not counting pairs held out.

    Returns:
        `seen_start`, `seen_track`: bool (tracks); `seen_user`: bool (users).
    """
    return {
        "seen_start": np.bincount(pairs.start[chosen], minlength=log.tracks) > 0,
        "seen_track": np.bincount(pairs.track[chosen], minlength=log.tracks) > 0,
        "seen_user": np.bincount(pairs.row[chosen], minlength=log.users) > 0,
    }
