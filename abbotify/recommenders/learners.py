"""The shipped recommenders that learn, by name: how each is trained, and how it serves."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, NamedTuple

from abbotify.errors import UserError
from abbotify.recommenders.candidates import CandidateTable
from abbotify.recommenders.ranker import Ranker
from abbotify.recommenders.training import Arrays, Fitted, Told, TrainingLog
from abbotify.scenario import Scenario
from abbotify.scenario.learners import Learner, Neural
from abbotify.scenario.yaml import KeyPath
from abbotify.world.base import World


class _Home(NamedTuple):
    """Where a learner's functions live: imported when used, since some need an extra."""

    fit: str
    lowered: str


_HOMES: Final = {
    "neural": _Home("abbotify.recommenders.neural.fit", "abbotify.recommenders.neural.serve"),
    "als": _Home("abbotify.recommenders.collaborative", "abbotify.recommenders.factors"),
    "bpr": _Home("abbotify.recommenders.collaborative", "abbotify.recommenders.factors"),
    "item2item": _Home("abbotify.recommenders.item2item", "abbotify.recommenders.item2item"),
    "lightgcn": _Home("abbotify.recommenders.lightgcn", "abbotify.recommenders.factors"),
}
_TORCH: Final = _Home("abbotify.recommenders.network.fit", "abbotify.recommenders.network.serve")


def fit(
    params: Learner, log: TrainingLog, world: World, scenario: Scenario, key: KeyPath, told: Told
) -> Fitted:
    """Trains a shipped recommender.

    Args:
        params: its keys in the scenario file.
        log: what it learns from.
        world: whose catalogue it recommends from; users' tastes are not shown to it.
        scenario: its seed; resolves paths, and places errors.
        key: where `params` stands in the scenario file.
        told: told of progress.

    Raises:
        UserError: an extra is missing, or there is nothing to learn from.
    """
    places = (scenario, key) if _in_torch(params) else ()
    seed = scenario.seeds.dynamics
    fitted: Fitted = _function(params, "fit")(params, log, seed, told, *places)
    return fitted


def lowered(
    params: Learner, arrays: Arrays, world: World, scenario: Scenario, key: KeyPath
) -> CandidateTable | Ranker:
    """What a trained recommender serves.

    Args:
        params: its keys in the scenario file.
        arrays: what its training left.
        world: whom it serves.
        scenario: its seed; resolves paths, and places errors.
        key: where `params` stands in the scenario file.

    Raises:
        UserError: an extra is missing, or code of the user's own raises.
    """
    places = (scenario, key) if _in_torch(params) else ()
    lists: CandidateTable | Ranker = _function(params, "lowered")(params, arrays, world, *places)
    return lists


def check(params: Learner, world: World, scenario: Scenario, key: KeyPath) -> None:
    """Refuses a network that could not be trained later, before anything is played.

    Raises:
        UserError: as `fit`, as far as it can be told without a log.
    """
    if _in_torch(params):
        try:
            import_module(_TORCH.fit).check(params, world, scenario, key)
        except UserError as error:
            if error.key is not None or error.file is not None:
                raise
            raise scenario.error(error.what, key) from error


def _function(params: Learner, which: str) -> Callable[..., Any]:
    home = _TORCH if _in_torch(params) else _HOMES[params.recommender]
    module = home.fit if which == "fit" else home.lowered
    function: Callable[..., Any] = getattr(import_module(module), which)
    return function


def _in_torch(params: Learner) -> bool:
    return isinstance(params, Neural) and bool(params.head or params.network)
