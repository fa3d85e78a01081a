"""What a network serves: lists by its predictions, for (user, anchor) or for the anchor alone.

Torch's sums depend on the shape of a batch, so each pair is predicted for on its own, in the same
shapes as every other pair and on one thread: a list depends on the pair alone.

With a head only the `shortlist` of a pair is predicted: the tracks that a linear approximation of
the head finds best. (The plain inner product does not do: a head may weigh a dimension negatively.
Of the 50 best tracks of 10,000 by a head [256, 64], the 1,000 with the largest inner product held
26 %, the 1,000 best by the approximation all.)

The rules are those of the bilinear network: a track that no training pair has is in no list, an
anchor that no session started from is a miss. A user the training has not met counts as the mean
of those it has, if the embeddings are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.files.folders import Arrays
from abbotify.files.yaml import KeyPath
from abbotify.recommenders.candidate_table import CandidateTable, some_rows, table_of
from abbotify.recommenders.neural.serve import BestTracks, ranker_of
from abbotify.recommenders.neural_torch.module import Network, device, network, repeatable
from abbotify.recommenders.ranked_lists import Ranker
from abbotify.recommenders.shipped.neural import Neural
from abbotify.scenario import Scenario
from abbotify.world.base import IntArray, World

Scores = npt.NDArray[np.float32]

_PAIRS: Final = 1024  # shortlists made at once
_CHUNK: Final = 16384  # tracks predicted at once


def lowered(
    params: Neural,
    arrays: Arrays,
    world: World,
    scenario: Scenario | None = None,
    key: KeyPath = (),
) -> CandidateTable | Ranker:
    """The lists of a trained network.

    Args:
        params: its settings.
        arrays: as `fit` gave them.
        world: whom it serves.
        scenario: resolves the path of a network of the user's own, and places errors.
        key: where `params` stands in the scenario file.

    Returns:
        where users matter a ranker, or a table with one row for each track, which the training
        has made already: it needs no torch.

    Raises:
        UserError: torch is missing.
        PluginError: a class of the user's own cannot be used.
    """
    if "lists" not in arrays:
        return ranker_of(params, BestByNetwork(params, arrays, scenario, key).of_pairs, world)
    known = arrays["seen_start"]
    lists = some_rows(len(known), np.flatnonzero(known), arrays["lists"])
    return table_of(params.anchor, lists, params.pick)


def with_lists(
    params: Neural, arrays: Arrays, scenario: Scenario | None, key: KeyPath
) -> dict[str, npt.NDArray[Any]]:
    """The arrays, and where users do not matter the `lists` of known anchors, int32 (n, k)."""
    out = dict(arrays)
    if not params.per_user:
        anchors = np.flatnonzero(arrays["seen_start"])
        best = BestByNetwork(params, arrays, scenario, key)
        out["lists"] = best.of_pairs(np.full(len(anchors), best.nobody), anchors)
    return out


class BestByNetwork:
    """The tracks with the largest predictions; ties go to the smaller id.

    Args:
        params: the network's settings.
        arrays: as `fit` gave them.
        scenario: resolves the path of a network of the user's own, and places errors.
        key: where `params` stands in the scenario file.

    Attributes:
        nobody: the row of users that stands for none of them.
    """

    def __init__(
        self, params: Neural, arrays: Arrays, scenario: Scenario | None, key: KeyPath
    ) -> None:
        self._seed = scenario.seeds.dynamics if scenario is not None else 0
        self._known = arrays["seen_start"]
        candidates = np.flatnonzero(arrays["seen_track"])
        self._k = min(params.size, len(candidates))
        users, tracks = len(arrays["seen_user"]), len(arrays["seen_track"])
        with repeatable(self._seed):
            made = network(params, users, tracks, scenario, key)
            made.restore(arrays)
            made.module.eval()
        self._predicted: _ByHead | _ByCatalogue
        if params.network is None:
            self._predicted = _ByHead(made, arrays, max(params.shortlist, params.size))
        else:
            self._predicted = _ByCatalogue(made, candidates, params.user_embedding)
        self.nobody = users

    def of_pairs(self, rows: IntArray, anchors: IntArray) -> npt.NDArray[np.int32]:
        """The lists of (user, anchor) pairs: int32 (n, k), -1 in rows of unknown anchors."""
        import torch

        out = np.full((len(rows), self._k), -1, np.int32)
        places = np.flatnonzero(self._known[anchors])
        with repeatable(self._seed), torch.no_grad():
            for begin in range(0, len(places), _PAIRS):
                part = places[begin : begin + _PAIRS]
                predicted = self._predicted.of(rows[part], anchors[part])
                for place, (tracks, scores) in zip(part, predicted, strict=True):
                    out[place] = _best(tracks, scores, self._k)
        return out


class _ByHead:
    """Predictions for the shortlist of each pair.

    Args:
        made: the network.
        arrays: as `fit` gave them.
        shortlist: how many tracks are predicted for.
    """

    def __init__(self, made: Network, arrays: Arrays, shortlist: int) -> None:
        import torch

        starts, tracks = (arrays[f"network.{name}.weight"] for name in ("start", "track"))
        users, seen = arrays.get("network.user.weight"), arrays["seen_user"]
        if users is None:
            users = np.zeros((len(seen), tracks.shape[1]), np.float32)
        mean = users[seen].mean(axis=0, dtype=np.float64).astype(np.float32)
        nearest = {
            "start": starts,
            "track": tracks * arrays["linear"],
            "user": np.vstack([users, mean]),  # the last row is nobody's
            "seen_start": arrays["seen_start"],
            "seen_track": arrays["seen_track"],
            "seen_user": np.append(seen, True),
        }
        self._nearest = BestTracks(nearest, shortlist)
        self._head = made.module.head
        self._tracks = torch.from_numpy(tracks.copy()).to(device())

    def of(self, rows: IntArray, anchors: IntArray) -> Iterator[tuple[IntArray, Scores]]:
        """For each pair the tracks of its shortlist, ascending, and what is predicted of them."""
        import torch

        assert self._nearest.users is not None
        queries = self._nearest.starts[anchors] + self._nearest.users[rows]
        shortlists = np.sort(self._nearest.of_pairs(rows, anchors), axis=1).astype(np.int64)
        for query, tracks in zip(queries, shortlists, strict=True):
            on_device = torch.from_numpy(tracks).to(device())
            product = torch.from_numpy(query).to(device()) * self._tracks[on_device]
            yield tracks, self._head(product).squeeze(-1).cpu().numpy()


class _ByCatalogue:
    """Predictions for all tracks that were trained.

    Args:
        made: the network.
        candidates: int64, the tracks, ascending.
        with_users: whether it is told who listens.
    """

    def __init__(self, made: Network, candidates: IntArray, with_users: bool) -> None:
        import torch

        self._made, self._candidates, self._with_users = made, candidates, with_users
        self._tracks = torch.from_numpy(candidates).to(device())

    def of(self, rows: IntArray, anchors: IntArray) -> Iterator[tuple[IntArray, Scores]]:
        """For each pair all trained tracks, ascending, and what is predicted of them."""
        import torch

        for row, anchor in zip(rows.tolist(), anchors.tolist(), strict=True):
            parts = []
            for tracks in torch.split(self._tracks, _CHUNK):
                user = torch.full_like(tracks, row if self._with_users else 0)
                predicted = self._made.predictions(user, torch.full_like(tracks, anchor), tracks)
                parts.append(predicted.float().cpu().numpy())
            scores = np.concatenate(parts)
            with self._made.blamed("forward(user, start, track)"):
                if not np.isfinite(scores).all():
                    raise ValueError("returned a prediction that is not a finite number")
            yield self._candidates, scores


def linear(made: Network, user: Any, start: Any, track: Any) -> npt.NDArray[np.float32]:
    """The weights of dimensions by which an inner product comes closest to a head's predictions.

    Args:
        made: the network.
        user: int64 tensor (n,), of the pairs that count.
        start: the same.
        track: the same.

    Returns:
        float32 (dims,), of a least squares fit with a constant.
    """
    import torch

    made.module.eval()
    with torch.no_grad():
        product = made.module.product(user, start, track)
        predicted = made.module.head(product).squeeze(-1).double().cpu().numpy()
    known = np.column_stack([product.double().cpu().numpy(), np.ones(len(predicted))])
    return np.linalg.lstsq(known, predicted)[0][:-1].astype(np.float32)


def _best(tracks: IntArray, scores: Scores, k: int) -> npt.NDArray[np.int32]:
    """The k tracks with the largest scores, best first; `tracks` ascend, and so do ties."""
    floor = np.partition(scores, len(scores) - k)[len(scores) - k]
    chosen = np.flatnonzero(scores >= floor)
    order = np.argsort(-scores[chosen], kind="stable")[:k]
    return tracks[chosen[order]].astype(np.int32)
