"""The shipped recommenders that learn, by name: their training, and what they serve."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from abbotify.errors import UserError
from abbotify.files.folders import Arrays
from abbotify.files.yaml import KeyPath
from abbotify.recommenders.candidate_table import CandidateTable
from abbotify.recommenders.extras import require, versions
from abbotify.recommenders.ranked_lists import Ranker
from abbotify.recommenders.shipped import Learner
from abbotify.recommenders.shipped.neural import Neural
from abbotify.recommenders.training_log import Fitted, OnPass, TrainingLog
from abbotify.scenario import Scenario
from abbotify.world.base import World


def fit(
    params: Learner, log: TrainingLog, scenario: Scenario, key: KeyPath, progress: OnPass
) -> Fitted:
    """Trains a shipped recommender.

    Args:
        params: its keys in the scenario file.
        log: all it learns from.
        scenario: its seed; resolves paths, and places errors.
        key: where `params` stands in the scenario file.
        progress: called after each epoch.

    Raises:
        UserError: an extra is missing, or there is nothing to learn from.
    """
    seed = scenario.seeds.dynamics
    home = import_module(params.home)
    fitted: Fitted = home.fit(params, log, seed, progress, *_place(params, scenario, key))
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
    home = import_module(params.home)
    lists: CandidateTable | Ranker = home.lowered(
        params, arrays, world, *_place(params, scenario, key)
    )
    return lists


def check(params: Learner, world: World, scenario: Scenario, key: KeyPath) -> None:
    """Refuses what could not be trained later, before anything is played.

    Raises:
        UserError: as `fit`, as far as it shows without a log.
    """
    try:
        if place := _place(params, scenario, key):
            import_module(params.home).check(params, world, *place)
        elif params.extra:
            require(params.recommender, params.extra)
    except UserError as error:
        if error.key is not None or error.file is not None:
            raise
        raise scenario.error(error.what, key) from error


def libraries(params: Learner) -> dict[str, str]:
    """The versions of the libraries that a training depends on, by module."""
    return versions(params.extra) if params.extra else {}


def _place(params: Learner, scenario: Scenario, key: KeyPath) -> tuple[Any, ...]:
    """Where code of the user's own lies; only networks in torch may have some."""
    return (scenario, key) if isinstance(params, Neural) and params.with_torch else ()
