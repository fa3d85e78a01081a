"""The training of the bilinear network."""

from __future__ import annotations

from typing import Any, Final

import numpy.typing as npt

from abbotify.recommenders.neural.kernels import (
    OptimizerStates,
    Pairs,
    Parameters,
    mean_squared_error,
    train_pass,
)
from abbotify.recommenders.neural.optimizers import (
    ADAGRAD_ROWS,
    ADAM,
    LAZY_ADAM,
    Settings,
    initial_state,
)
from abbotify.recommenders.neural.training import embeddings, fit_network, split, training_pairs
from abbotify.recommenders.shipped.neural import Neural
from abbotify.recommenders.training_log import Fitted, IntArray, OnPass, TrainingLog

_OPTIMIZERS: Final = {"adagrad_rows": ADAGRAD_ROWS, "lazy_adam": LAZY_ADAM, "adam": ADAM}


def fit(params: Neural, log: TrainingLog, seed: int, progress: OnPass) -> Fitted:
    """Trains the network on the listened fractions of recommended tracks.

    Args:
        params: its settings.
        log: what it learns from.
        seed: of the dynamics.
        progress: called after each epoch.

    Returns:
        `start`, `track` and, with users, `user`: float32 (n, embedding_size); `seen_start`,
        `seen_track`, `seen_user`: bool (n), which of them the training met (not counting
        held-out pairs).

    Raises:
        UserError: there is nothing to learn from, or the training diverges.
    """
    pairs = training_pairs(log)
    chosen, held = split(log, params.validation_share, seed)
    network = _Bilinear(params, log, pairs, min(params.batch_size, len(chosen)), seed)
    return fit_network(params, network, log, pairs, chosen, held, seed, progress)


class _Bilinear:
    """The embeddings under training, changed in place, and what the optimizer remembers."""

    def __init__(
        self, params: Neural, log: TrainingLog, pairs: Pairs, batch: int, seed: int
    ) -> None:
        self.params, self.pairs, self.batch = params, pairs, batch
        self.optimizer, self.steps = _OPTIMIZERS[params.optimizer], 0
        rows = (log.tracks, log.users, log.tracks)
        self.tables = Parameters(
            *(embeddings(k, n, params.embedding_size, seed) for k, n in enumerate(rows))
        )
        self.states = OptimizerStates(
            *(initial_state(table, self.optimizer, batch) for table in self.tables)
        )

    def train(self, order: IntArray, rate: float) -> float:
        decay, with_users = self.params.weight_decay, self.params.user_embedding
        settings = Settings(self.optimizer, self.batch, rate, decay, with_users)
        loss = train_pass(self.pairs, order, self.tables, self.states, settings, self.steps)
        self.steps += -(-len(order) // self.batch)
        return loss

    def error(self, held: IntArray) -> float:
        return mean_squared_error(self.pairs, held, self.tables, self.params.user_embedding)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        dims, names = self.params.embedding_size, ["start", "track"]
        names += ["user"] if self.params.user_embedding else []
        return {name: getattr(self.tables, name)[:, :dims].copy() for name in names}
