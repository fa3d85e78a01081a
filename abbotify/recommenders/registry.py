"""The shipped recommenders that learn, by name: how each is trained, and how it serves."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, NamedTuple

from abbotify.errors import UserError
from abbotify.files.folders import Arrays
from abbotify.files.yaml import KeyPath
from abbotify.recommenders.candidate_table import CandidateTable
from abbotify.recommenders.extras import require, versions
from abbotify.recommenders.ranked_lists import Ranker
from abbotify.recommenders.training_log import Fitted, OnPass, TrainingLog
from abbotify.scenario import Scenario
from abbotify.scenario.learners import Learner, Neural
from abbotify.world.base import World


class _Home(NamedTuple):
    """Where a learner's functions live: imported when used, since some need an extra."""

    fit: str
    lowered: str
    extra: str = ""


_FACTORS: Final = "abbotify.recommenders.factors"
_COLLABORATIVE: Final = _Home("abbotify.recommenders.implicit", _FACTORS, "als")
_HOMES: Final = {
    "neural": _Home("abbotify.recommenders.neural.fit", "abbotify.recommenders.neural.serve"),
    "als": _COLLABORATIVE,
    "bpr": _COLLABORATIVE,
    "item2item": _Home("abbotify.recommenders.item2item", "abbotify.recommenders.item2item"),
    "lightgcn": _Home("abbotify.recommenders.lightgcn", _FACTORS, "lightgcn"),
}
_TORCH: Final = _Home(
    "abbotify.recommenders.neural_torch.fit", "abbotify.recommenders.neural_torch.serve"
)


def fit(
    params: Learner, log: TrainingLog, scenario: Scenario, key: KeyPath, told: OnPass
) -> Fitted:
    """Trains a shipped recommender.

    Args:
        params: its keys in the scenario file.
        log: all it learns from.
        scenario: its seed; resolves paths, and places errors.
        key: where `params` stands in the scenario file.
        told: told of progress.

    Raises:
        UserError: an extra is missing, or there is nothing to learn from.
    """
    seed = scenario.seeds.dynamics
    fitted: Fitted = _function(params, "fit")(
        params, log, seed, told, *_place(params, scenario, key)
    )
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
    function, place = _function(params, "lowered"), _place(params, scenario, key)
    lists: CandidateTable | Ranker = function(params, arrays, world, *place)
    return lists


def check(params: Learner, world: World, scenario: Scenario, key: KeyPath) -> None:
    """Refuses what could not be trained later, before anything is played.

    Raises:
        UserError: as `fit`, as far as it can be told without a log.
    """
    try:
        if _in_torch(params):
            import_module(_TORCH.fit).check(params, world, scenario, key)
        elif extra := _HOMES[params.recommender].extra:
            require(params.recommender, extra)
    except UserError as error:
        if error.key is not None or error.file is not None:
            raise
        raise scenario.error(error.what, key) from error


def libraries(params: Learner) -> dict[str, str]:
    """The versions of the libraries that a training depends on, by module."""
    extra = "torch" if _in_torch(params) else _HOMES[params.recommender].extra
    return versions(extra) if extra else {}


def _function(params: Learner, which: str) -> Callable[..., Any]:
    home = _TORCH if _in_torch(params) else _HOMES[params.recommender]
    module = home.fit if which == "fit" else home.lowered
    function: Callable[..., Any] = getattr(import_module(module), which)
    return function


def _place(params: Learner, scenario: Scenario, key: KeyPath) -> tuple[Any, ...]:
    """Where code of the user's own is found; only networks in torch may have some."""
    return (scenario, key) if _in_torch(params) else ()


def _in_torch(params: Learner) -> bool:
    return isinstance(params, Neural) and bool(params.head or params.network)
