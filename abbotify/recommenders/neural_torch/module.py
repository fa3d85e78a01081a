"""The network as a `torch.nn.Module`: the shipped one with a head, or a class of the user's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from abbotify import rng
from abbotify.errors import PluginError
from abbotify.files.folders import Arrays
from abbotify.files.yaml import KeyPath
from abbotify.recommenders.extras import require
from abbotify.recommenders.plugins.imports import blamed, class_of, imported, placed
from abbotify.recommenders.shipped.neural import Neural
from abbotify.scenario import Scenario

Tensor = Any  # of torch, which is an extra

_PREFIX: Final = "network."  # of its arrays in a model
# Products of two embeddings are 1e-4 before the training: as torch draws it, the first layer passes
# on next to nothing, and with a weight_decay of 1e-5 all embeddings fell to zero. Ten times as
# large it learns from the first pass; 30 and 100 times end at a higher loss (0.0383, 0.0384 against
# 0.0370), and so do larger embeddings (0.0386 from 0.1, 0.0388 from 0.3).
_GAIN: Final = 10.0


@dataclass(frozen=True, eq=False)
class Network:
    """A module that predicts listened fractions, and who is to blame for what it raises.

    Attributes:
        module: `module(user, start, track)`, int64 tensors (n,) -> predictions (n,).
        name: of its class.
        file: where the class comes from; None for the shipped one.
    """

    module: Any
    name: str
    file: Path | None

    def predictions(self, user: Tensor, start: Tensor, track: Tensor) -> Tensor:
        """Floats (n,), on the module's device.

        Raises:
            PluginError: a class of the user's own raised or returned something else.
        """
        import torch

        with self.blamed("forward(user, start, track)"):
            out = self.module(user, start, track)
            if not isinstance(out, torch.Tensor) or not out.is_floating_point():
                kind = getattr(out, "dtype", type(out).__name__)
                raise ValueError(f"returned {kind}, not a tensor of floats")
            if out.shape != track.shape:
                got = tuple(out.shape)
                raise ValueError(f"returned the shape {got} for {len(track)} pairs, not (n,)")
        return out

    def blamed(self, step: str) -> AbstractContextManager[None]:
        """Errors raised by a class of the user's own become one line that names its file."""
        if self.file is None:
            return nullcontext()
        return blamed(f"{self.name}.{step}", self.file)

    def check(self, users: int, tracks: int) -> None:
        """Predicts three pairs, and one, before anything is trained.

        Raises:
            PluginError: as `predictions`, or a prediction is no finite number.
        """
        import torch

        self.module.eval()
        with torch.no_grad():
            for rows, anchors, others in (
                ([0, 0, users - 1], [0, tracks - 1, 0], [tracks - 1, 0, 0]),
                ([0], [0], [tracks - 1]),
            ):
                pairs = (
                    torch.tensor(numbers, device=device()) for numbers in (rows, anchors, others)
                )
                out = self.predictions(*pairs)
                with self.blamed("forward(user, start, track)"):
                    if not torch.isfinite(out).all():
                        raise ValueError("returned a prediction that is not a finite number")

    def arrays(self) -> dict[str, Any]:
        """Its parameters and buffers, by their prefixed names.

        Raises:
            PluginError: one of them is of a kind numpy does not have.
        """
        with self.blamed("state_dict()"):
            state = self.module.state_dict()
            return {_PREFIX + name: value.cpu().numpy().copy() for name, value in state.items()}

    def restore(self, arrays: Arrays) -> None:
        """Takes parameters and buffers from arrays.

        Raises:
            PluginError: the class of the user's own has changed since.
        """
        import torch

        mine = {name: value for name, value in arrays.items() if name.startswith(_PREFIX)}
        with self.blamed("load_state_dict(state)"):
            # Copies: an array may be read-only, which torch warns of.
            state = {k.removeprefix(_PREFIX): torch.from_numpy(v.copy()) for k, v in mine.items()}
            self.module.load_state_dict(state)


def required() -> Any:
    """The library torch.

    Raises:
        UserError: it is not installed.
    """
    require("neural with a head or a network", "torch")
    import torch

    return torch


def device() -> str:
    """`cuda` when there is a GPU, or `cpu`."""
    if not required().cuda.is_available():
        return "cpu"
    # Without it cuBLAS may give other bits each time, and torch refuses to be deterministic.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    return "cuda"


@contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """While it lasts torch draws from a keyed state and gives equal bits for equal inputs.

    One thread: sums over a batch depend on how many there are. Afterwards torch is as it was.

    Args:
        seed: of the dynamics.
    """
    torch = required()
    gpus = list(range(torch.cuda.device_count())) if device() == "cuda" else []
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    with torch.random.fork_rng(devices=gpus):
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        torch.manual_seed(rng.generator_seed(seed, rng.Purpose.NETWORK))
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(strict, warn_only=warns)
            torch.set_num_threads(threads)


def network(
    params: Neural, users: int, tracks: int, scenario: Scenario | None = None, key: KeyPath = ()
) -> Network:
    """The network before its training; its layers are drawn from torch's state.

    Args:
        params: its settings: `head` or `network`.
        users: how many users the world has.
        tracks: how many tracks the catalogue has.
        scenario: resolves the path of a class of the user's own, and places errors.
        key: where `params` stands in the scenario file.

    Raises:
        UserError: torch is missing.
        PluginError: the class cannot be imported, is no `torch.nn.Module`, or raises.
    """
    required()
    if params.network is None:
        return Network(_with_head(params, users, tracks).to(device()), "neural", None)
    assert scenario is not None, "a path needs a scenario to be resolved by"
    with placed(scenario, (*key, "network")):
        return _users_class(params.network, params.embedding_size, users, tracks, scenario)


def _with_head(params: Neural, users: int, tracks: int) -> Any:
    """Fully connected layers over (start + user) * track, elementwise."""
    import torch

    class Headed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            dims = params.embedding_size
            self.start = torch.nn.Embedding(tracks, dims)
            self.track = torch.nn.Embedding(tracks, dims)
            self.user = torch.nn.Embedding(users, dims) if params.user_embedding else None
            layers: list[Any] = []
            for size, following in zip((dims, *params.head), params.head, strict=False):
                layers += [torch.nn.Linear(size, following), torch.nn.ReLU()]
                layers += [torch.nn.Dropout(params.dropout)] if params.dropout else []
            self.head = torch.nn.Sequential(*layers, torch.nn.Linear(params.head[-1], 1))
            with torch.no_grad():
                self.head[0].weight *= _GAIN

        def product(self, user: Tensor, start: Tensor, track: Tensor) -> Tensor:
            query = self.start(start)
            if self.user is not None:
                query = query + self.user(user)
            return query * self.track(track)

        def forward(self, user: Tensor, start: Tensor, track: Tensor) -> Tensor:
            return self.head(self.product(user, start, track)).squeeze(-1)

    return Headed()


def _users_class(spec: str, dims: int, users: int, tracks: int, scenario: Scenario) -> Network:
    import torch

    target, _, name = spec.rpartition(":")
    if not target or not name:
        raise PluginError(f"{spec} is not FILE.py:CLASS")
    file, module = imported(target, scenario)
    network_class = class_of(module, name, target)
    if not issubclass(network_class, torch.nn.Module):
        raise PluginError(f"{target}:{name} is not a subclass of torch.nn.Module")
    with blamed(f"{name}(users, tracks, embedding_size)", file):
        built = network_class(users=users, tracks=tracks, embedding_size=dims)
        made = Network(built.to(device()), name, file)
    made.check(users, tracks)
    return made
