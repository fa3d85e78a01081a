"""LightGCN: factors smoothed over the graph of who listened to what, by torch_geometric.

Source: He et al., LightGCN: simplifying and powering graph convolution network for
recommendation (2020). A user's and a track's factors are the mean of their embedding and of its
sums over neighbours 1, 2, ... steps away; the embeddings are trained by BPR loss. Here the edges
are weighted with the listened time.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from abbotify.progress import Epoch
from abbotify.recommenders.shipped import Factorisation
from abbotify.scenario.recommenders import Count, Rate, Weight

if TYPE_CHECKING:
    from abbotify.recommenders.factors import Listened
    from abbotify.recommenders.training_log import Fitted, OnPass, TrainingLog
    from abbotify.world.base import IntArray

_SPREAD: Final = 0.1  # standard deviation of the starting embeddings, as the paper's code has it


class LightGCN(Factorisation):
    """Factors smoothed over the graph of listening (torch_geometric); extra `lightgcn`."""

    recommender: Literal["lightgcn"]
    layers: Annotated[int, Field(ge=1, le=10)] = 3
    epochs: Count = 3
    batch_size: Count = 2048
    learning_rate: Rate = 0.01
    regularization: Weight = 0.0001

    @property
    def extra(self) -> str:
        """The extra that has its libraries."""
        return "lightgcn"


def fit(
    params: LightGCN,
    log: TrainingLog,
    seed: int,
    progress: OnPass,
) -> Fitted:
    """Factors of all users and tracks with listened time.

    Args:
        params: the recommender's keys in the scenario file.
        log: what it learns from.
        seed: of the starting embeddings, the order of pairs, and the tracks drawn against them.
        progress: called after each pass.

    Returns:
        The arrays of `factors.as_arrays`, the same bits for any number of cores. The losses of
        the curve are the BPR loss, regularisation included.

    Raises:
        UserError: the extra `lightgcn` is missing, nobody listened to anything, or the training
            went astray.
    """
    from abbotify.recommenders.factors import listened

    listening = listened(log)
    with _quiet_single_thread():
        return _fitted(params, listening, seed, progress)


def _fitted(params: LightGCN, listening: Listened, seed: int, progress: OnPass) -> Fitted:
    import numpy as np
    import torch

    from abbotify.recommenders.factors import as_arrays
    from abbotify.recommenders.training_log import Fitted

    graph = _graph(listening)
    model = _model(params, len(listening.users) + len(listening.tracks), seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=params.learning_rate)
    curve = []
    for epoch in range(1, params.epochs + 1):
        user, track, other = _pairs(listening, seed, epoch)
        total = 0.0
        for start in range(0, len(user), params.batch_size):
            part = slice(start, start + params.batch_size)
            nodes = torch.from_numpy(np.concatenate([user[part], track[part], other[part]]))
            loss = _loss(model, graph, nodes, params.regularization)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach()) * len(user[part])
        curve.append(Epoch(epoch, total / len(user), None, params.learning_rate))
        progress(epoch, params.epochs, curve[-1].loss)
    with torch.no_grad():
        factors = model.get_embedding(graph).numpy()
    users, tracks = np.split(factors, [len(listening.users)])
    return Fitted(as_arrays(params, listening, users, tracks), tuple(curve))


def _graph(listening: Listened) -> Any:
    """The normalised adjacency, torch CSR (u + t, u + t): users' nodes first, then tracks'."""
    import numpy as np
    import scipy.sparse
    import torch

    times = listening.hundredths / 100.0
    both = scipy.sparse.block_array([[None, times], [times.T, None]]).tocsr()
    both.sort_indices()
    degrees = both.sum(axis=1)
    row = np.repeat(np.arange(both.shape[0]), np.diff(both.indptr))
    weights = both.data / np.sqrt(degrees[row] * degrees[both.indices])
    parts = (both.indptr.astype(np.int64), both.indices.astype(np.int64), weights.astype("f4"))
    return torch.sparse_csr_tensor(*map(torch.from_numpy, parts), size=both.shape)


def _model(params: LightGCN, nodes: int, seed: int) -> Any:
    import torch
    from torch_geometric.nn.models import LightGCN as Model

    from abbotify import rng

    with torch.random.fork_rng(devices=[]):  # it draws embeddings of its own from torch's state
        model = Model(nodes, params.factors, params.layers, normalize=False)
    start = rng.normals(seed, rng.Stream.FIT, rng.Purpose.EMBEDDINGS, nodes, params.factors)
    with torch.no_grad():
        model.embedding.weight.copy_(torch.from_numpy(_SPREAD * start))
    return model


def _pairs(listening: Listened, seed: int, epoch: int) -> tuple[IntArray, IntArray, IntArray]:
    """All pairs of user and track in a new order, each with a track to rank below, as nodes."""
    import numpy as np

    from abbotify import rng

    count = listening.hundredths.nnz
    purpose = rng.attempt(rng.Purpose.SHUFFLE, epoch)
    drawn = rng.uniforms(seed, rng.Stream.FIT, purpose, count, 2)
    order = np.argsort(drawn[:, 0], kind="stable")
    user = np.repeat(np.arange(len(listening.users)), np.diff(listening.hundredths.indptr))
    other = (drawn[:, 1] * len(listening.tracks)).astype(np.int64)
    first = len(listening.users)
    return user[order], first + listening.hundredths.indices.astype(np.int64)[order], first + other


def _loss(model: Any, graph: Any, nodes: Any, regularization: float) -> Any:
    # One gather for all three: its gradient costs as much as a layer of the graph.
    user, track, other = (
        model.get_embedding(graph).index_select(0, nodes).view(3, -1, model.embedding_dim)
    )
    return model.recommendation_loss(
        (user * track).sum(-1), (user * other).sum(-1), node_id=nodes, lambda_reg=regularization
    )


@contextmanager
def _quiet_single_thread() -> Iterator[None]:
    """One thread, since torch's sums over sparse rows and gathers depend on how many there are.

    Two are hardly faster: 1.0 s a step instead of 1.2 s.
    """
    from abbotify.recommenders.extras import require

    with warnings.catch_warnings():
        # torch_geometric compiles with what torch deprecates; sparse CSR tensors are "beta".
        warnings.simplefilter("ignore")
        require("lightgcn", "lightgcn")
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
