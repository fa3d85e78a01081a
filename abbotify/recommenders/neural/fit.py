"""The training of the bilinear network: passes, validation, early stopping, falling rates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify.errors import UserError
from abbotify.recommenders.neural.kernels import (
    ADAGRAD_ROWS,
    ADAM,
    LAZY_ADAM,
    Pairs,
    Parameters,
    mean_squared_error,
    memory,
    shuffle,
    train_pass,
)
from abbotify.recommenders.neural.pairs import embeddings, split, training_pairs
from abbotify.recommenders.training import Epoch, Fitted, Told, TrainingLog
from abbotify.rng import Purpose, seed_word
from abbotify.scenario import Scenario
from abbotify.scenario.learners import Neural
from abbotify.scenario.yaml import KeyPath
from abbotify.world.base import Catalogue

_OPTIMIZERS: Final = {"adagrad_rows": ADAGRAD_ROWS, "lazy_adam": LAZY_ADAM, "adam": ADAM}
DIVERGED: Final = 1e4  # listened fractions are at most 1: an error of 100 predicts nothing
FALL: Final = 0.1  # of the rate on a plateau, as torch's ReduceLROnPlateau
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
    _worse: int = field(default=0)
    _base: float = field(default=math.inf)
    _since_slower: int = field(default=0)

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


def fit(
    params: Neural,
    log: TrainingLog,
    catalogue: Catalogue,
    seed: int,
    told: Told,
    scenario: Scenario | None = None,
    key: KeyPath = (),
) -> Fitted:
    """Trains the network on the listened fractions of recommended tracks.

    Args:
        params: its settings.
        log: what it learns from.
        catalogue: not looked at: the network knows plays alone.
        seed: of the dynamics.
        told: told of progress.
        scenario: not looked at.
        key: not looked at.

    Returns:
        `start`, `track` and, with users, `user`: float32 (n, embedding_size); `seen_start`,
        `seen_track`, `seen_user`: bool (n), which of them the training met (not counting
        held-out pairs).

    Raises:
        UserError: there is nothing to learn from, or the training diverges.
    """
    pairs = training_pairs(log)
    chosen, held = split(log, params.validation_share, seed)
    dims = params.embedding_size
    parameters = Parameters(
        embeddings(0, log.tracks, dims, seed),
        embeddings(1, log.users, dims, seed),
        embeddings(2, log.tracks, dims, seed),
    )
    curve, best = [], parameters
    for epoch, better in _passes(params, pairs, chosen, held, parameters, seed):
        curve.append(epoch)
        told(epoch.number, params.epochs, epoch.loss)
        if better and params.early_stopping is not None:
            best = Parameters(*(table.copy() for table in parameters))
    arrays = {
        "start": best.start[:, :dims].copy(),
        "track": best.track[:, :dims].copy(),
        "seen_start": seen(pairs.start[chosen], log.tracks),
        "seen_track": seen(pairs.track[chosen], log.tracks),
        "seen_user": seen(pairs.row[chosen], log.users),
    }
    if params.user_embedding:
        arrays["user"] = best.user[:, :dims].copy()
    return Fitted(arrays, tuple(curve))


def _passes(
    params: Neural,
    pairs: Pairs,
    chosen: npt.NDArray[np.int64],
    held: npt.NDArray[np.int64],
    parameters: Parameters,
    seed: int,
) -> Iterator[tuple[Epoch, bool]]:
    """The passes, each with whether it was the best one so far; parameters change in place."""
    optimizer, batch = _OPTIMIZERS[params.optimizer], min(params.batch_size, len(chosen))
    starts, users, tracks = (memory(table, optimizer, batch) for table in parameters)
    patience = Patience(params.early_stopping, params.reduce_on_plateau)
    rate, steps, with_users = params.learning_rate, 0, params.user_embedding
    for number in range(1, params.epochs + 1):
        order = chosen.copy()
        shuffle(order, seed_word(seed), Purpose.SHUFFLE, number)
        loss = train_pass(
            pairs, order, batch, parameters, starts, users, tracks, with_users, optimizer, rate,
            params.weight_decay, steps,
        )  # fmt: skip
        steps += -(-len(order) // batch)
        validation = mean_squared_error(pairs, held, parameters, with_users) if len(held) else None
        if not max(loss, validation or 0.0) < DIVERGED:
            what = (
                f"the training diverges in pass {number}: learning_rate is too high, got {rate:g}"
            )
            raise UserError(what)
        better = validation is None or patience.better(validation)
        yield Epoch(number, loss, validation, rate), better
        if validation is not None and patience.stops():
            return
        if validation is not None and patience.slows():
            rate *= FALL


def seen(numbers: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.bool_]:
    """Which of the numbers 0 .. count - 1 occur."""
    return np.bincount(numbers, minlength=count) > 0
