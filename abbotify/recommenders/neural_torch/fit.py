"""The training of a network in torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from abbotify.files.yaml import KeyPath
from abbotify.progress import Epoch
from abbotify.recommenders.neural.epochs import met, passes
from abbotify.recommenders.neural.kernels import Pairs
from abbotify.recommenders.neural.pairs import embeddings, split, training_pairs
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
        curve: list[Epoch] = []
        with made.blamed("training"):
            train = _trainer(params, made, pairs)
            judge = (lambda: _error(made, _tensors(params, pairs, held))) if len(held) else None
            for epoch, better in passes(params, chosen, seed, train, judge):
                curve.append(epoch)
                progress(epoch.number, params.epochs, epoch.loss)
                if better and params.early_stopping is not None:
                    best = made.arrays()
        if params.early_stopping is None:
            best = made.arrays()
        if params.network is None:
            made.restore(best)
            some = _tensors(params, pairs, chosen[:: -(-len(chosen) // _SOME)])
            best["linear"] = linear(made, *some[:3])
    lists = with_lists(params, {**best, **met(pairs, chosen, log)}, scenario, key)
    return Fitted(lists, tuple(curve))


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


def _trainer(params: Neural, made: Network, pairs: Pairs) -> Callable[[IntArray, float], float]:
    """Makes a pass over pairs in an order, at a learning rate; the module changes in place."""
    import torch

    weights = [p for p in made.module.parameters() if p.requires_grad]
    if not weights:
        raise ValueError("has no parameters to train")
    # Fused: a step over all rows of the embeddings in one go.
    optimizer = torch.optim.Adam(
        weights, lr=params.learning_rate, weight_decay=params.weight_decay, fused=True
    )

    def train(order: IntArray, rate: float) -> float:
        for group in optimizer.param_groups:
            group["lr"] = rate
        return _pass(made, optimizer, _tensors(params, pairs, order), params.batch_size)

    return train


def _tensors(params: Neural, pairs: Pairs, order: IntArray) -> list[Tensor]:
    """(user, start, track, time) of some pairs, each a tensor on the device."""
    import torch

    row = pairs.row[order] if params.user_embedding else np.zeros(len(order), np.int64)
    columns = (row, pairs.start[order], pairs.track[order], pairs.time[order])
    return [torch.from_numpy(column).to(device()) for column in columns]


def _pass(made: Network, optimizer: Any, data: list[Tensor], size: int) -> float:
    import torch

    made.module.train()
    total, count = 0.0, len(data[0])
    for begin in range(0, count, size):
        user, start, track, time = (column[begin : begin + size] for column in data)
        predicted = made.predictions(user, start, track)
        loss = torch.nn.functional.mse_loss(predicted.float(), time)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * len(time)
    return total / count


def _error(made: Network, data: list[Tensor]) -> float:
    """The mean squared error, without dropout."""
    import torch

    made.module.eval()
    total, count = 0.0, len(data[0])
    with torch.no_grad():
        for begin in range(0, count, _CHUNK):
            user, start, track, time = (column[begin : begin + _CHUNK] for column in data)
            errors = made.predictions(user, start, track).double() - time.double()
            total += float((errors**2).sum())
    return total / count
