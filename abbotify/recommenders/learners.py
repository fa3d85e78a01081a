"""The shipped recommenders that learn, by name: how each is trained, and how it serves."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, NamedTuple

from abbotify.recommenders.candidates import CandidateTable
from abbotify.recommenders.ranker import Ranker
from abbotify.recommenders.training import Arrays, Fitted, Told, TrainingLog
from abbotify.scenario import Scenario
from abbotify.scenario.learners import Learner
from abbotify.scenario.yaml import KeyPath
from abbotify.world.base import World


class _Home(NamedTuple):
    """Where a learner lives: imported when used, since some need a library that is an extra."""

    module: str
    fit: str
    lowered: str


_HOMES: Final = {
    "neural": _Home("abbotify.recommenders.neural", "fit", "lowered"),
    "als": _Home("abbotify.recommenders.collaborative", "fit", "lowered"),
    "bpr": _Home("abbotify.recommenders.collaborative", "fit", "lowered"),
    "lightgcn": _Home("abbotify.recommenders.lightgcn", "fit", "lowered"),
    "item2item": _Home("abbotify.recommenders.item2item", "fit", "lowered"),
}


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
    seed = scenario.seeds.dynamics
    function = _function(params, "fit")
    fitted: Fitted = function(params, log, world.catalogue, seed, told, scenario, key)
    return fitted


def lowered(params: Learner, arrays: Arrays, world: World) -> CandidateTable | Ranker:
    """What a trained recommender serves."""
    lists: CandidateTable | Ranker = _function(params, "lowered")(params, arrays, world)
    return lists


def _function(params: Learner, which: str) -> Callable[..., Any]:
    home = _HOMES[params.recommender]
    function: Callable[..., Any] = getattr(import_module(home.module), getattr(home, which))
    return function
