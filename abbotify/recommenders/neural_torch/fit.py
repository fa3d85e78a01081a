"""The training of a network in torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from abbotify.files.yaml import KeyPath
from abbotify.recommenders.neural.kernels import Pairs
from abbotify.recommenders.neural.training import embeddings, fit_network, split, training_pairs
from abbotify.recommenders.neural_torch.module import Network, Tensor, device, network, repeatable
from abbotify.recommenders.neural_torch.serve import linear, with_lists
from abbotify.recommenders.shipped.neural import Neural
from abbotify.recommenders.training_log import Fitted, OnPass, TrainingLog
from abbotify.scenario import Scenario
from abbotify.world.base import IntArray, World

_CHUNK: Final = 8192  # pairs predicted at once
_SOME: Final = 20_000  # pairs that a linear approximation is fitted to


def fit(
    params: Neural,
    log: TrainingLog,
    seed: int,
    progress: OnPass,
    scenario: Scenario | None = None,
    key: KeyPath = (),
) -> Fitted:
    """Trains a network on the listened fractions of recommended tracks, by torch's dense Adam.

    Args:
        params: its settings; `optimizer` is not looked at.
        log: what it learns from.
        seed: of the dynamics.
        progress: called after each epoch.
        scenario: resolves the path of a network of the user's own, and places errors.
        key: where `params` stands in the scenario file.

    Returns:
        the module's state, names prefixed with `network.`; `seen_start`, `seen_track`,
        `seen_user`: bool (n), which of them the training met (not counting held-out pairs); with
        a head `linear`, float32 (embedding_size), what approximates it; where lists do not depend
        on users `lists`, int32 (known anchors, k). The same bits each time on one machine.

    Raises:
        UserError: torch is missing, there is nothing to learn from, or the training diverges.
        PluginError: a class of the user's own cannot be used.
    """
    pairs = training_pairs(log)
    chosen, held = split(log, params.validation_share, seed)
    with repeatable(seed):
        made = network(params, log.users, log.tracks, scenario, key)
        if params.network is None:
            _start(made.module, params.embedding_size, seed)
        with made.blamed("training"):
            training = _Training(params, made, pairs)
            fitted = fit_network(params, training, log, pairs, chosen, held, seed, progress)
        arrays = dict(fitted.arrays)
        if params.network is None:
            made.restore(arrays)
            some = training.tensors(chosen[:: -(-len(chosen) // _SOME)])
            arrays["linear"] = linear(made, *some[:3])
    return Fitted(with_lists(params, arrays, scenario, key), fitted.curve)


def check(
    params: Neural, world: World, scenario: Scenario | None = None, key: KeyPath = ()
) -> None:
    """Makes the network and predicts a few pairs: what is wrong with it shows before a training.

    Raises:
        UserError: torch is missing.
        PluginError: a class of the user's own cannot be used.
    """
    with repeatable(0):
        network(params, len(world.users), len(world.catalogue), scenario, key)


def _start(module: Any, dims: int, seed: int) -> None:
    """Keyed embeddings, those of the bilinear network."""
    import torch

    tables = {0: module.start, 1: module.user, 2: module.track}
    with torch.no_grad():
        for kind, table in tables.items():
            if table is not None:
                values = embeddings(kind, table.num_embeddings, dims, seed)[:, :dims]
                table.weight.copy_(torch.from_numpy(values.copy()))


class _Training:
    """A module under training by torch's Adam, changed in place."""

    def __init__(self, params: Neural, made: Network, pairs: Pairs) -> None:
        import torch

        self.params, self.made, self.pairs, self.arrays = params, made, pairs, made.arrays
        weights = [p for p in made.module.parameters() if p.requires_grad]
        if not weights:
            raise ValueError("has no parameters to train")
        # Fused: a step over all rows of the embeddings in one go.
        self.optimizer = torch.optim.Adam(
            weights, lr=params.learning_rate, weight_decay=params.weight_decay, fused=True
        )

    def tensors(self, order: IntArray) -> list[Tensor]:
        """(user, start, track, time) of some pairs, each a tensor on the device."""
        import torch

        pairs, with_users = self.pairs, self.params.user_embedding
        row = pairs.row[order] if with_users else np.zeros(len(order), np.int64)
        columns = (row, pairs.start[order], pairs.track[order], pairs.time[order])
        return [torch.from_numpy(column).to(device()) for column in columns]

    def train(self, order: IntArray, rate: float) -> float:
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.made.module.train()
        total = 0.0
        for user, start, track, time in self._batches(order, self.params.batch_size):
            predicted = self.made.predictions(user, start, track)
            loss = torch.nn.functional.mse_loss(predicted.float(), time)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += float(loss.detach()) * len(time)
        return total / len(order)

    def error(self, held: IntArray) -> float:
        """The mean squared error, without dropout."""
        import torch

        self.made.module.eval()
        total = 0.0
        with torch.no_grad():
            for user, start, track, time in self._batches(held, _CHUNK):
                errors = self.made.predictions(user, start, track).double() - time.double()
                total += float((errors**2).sum())
        return total / len(held)

    def _batches(self, order: IntArray, size: int) -> Iterator[Any]:
        import torch

        return zip(*(torch.split(column, size) for column in self.tensors(order)), strict=True)
