"""Recommenders of the user's own: `recommenders/file.py:Class` or `module:Class`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Final, TypeVar, cast

import numpy as np

from abbotify.errors import PluginError
from abbotify.files.folders import Arrays
from abbotify.files.yaml import KeyPath
from abbotify.recommenders.base import Recommender
from abbotify.recommenders.candidate_table import CandidateTable
from abbotify.recommenders.plugins.imports import blamed, class_of, imported, placed
from abbotify.recommenders.plugins.params import built_params
from abbotify.recommenders.training_log import Fitted, TrainingLog
from abbotify.scenario import Scenario
from abbotify.scenario.recommenders import Plugin
from abbotify.world.base import Catalogue, World

T = TypeVar("T")

_BUFFERED: Final = "biufc"  # kinds of numpy's types that a memory view knows


@dataclass(frozen=True)
class Loaded:
    """A plug-in, built.

    Attributes:
        recommender: the object.
        table: what it lowers to, or None.
        why_not: why it has no table; empty when it has one.
        learns: it has to be trained, by its method `fit`.
        ready: it does not learn, or has been given what it learned.
        file: where its class comes from, for errors.
    """

    recommender: Recommender
    table: CandidateTable | None
    why_not: str
    file: Path
    learns: bool = False
    ready: bool = True

    @property
    def couples(self) -> bool:
        """Whether it may learn from everybody it meets, known before it is trained."""
        return not hasattr(self.recommender, "candidates") and not answers_batches(self.recommender)


def answers_batches(recommender: Any) -> bool:
    """Whether a plug-in's answers depend on the request alone, and many can be asked at once."""
    batched = callable(getattr(recommender, "recommend_batch", None))
    return batched and not callable(getattr(recommender, "ended", None))


def load_plugin(
    spec: Plugin,
    world: World,
    scenario: Scenario,
    key: KeyPath,
    model: Arrays | None = None,
) -> Loaded:
    """Imports a plug-in's class, checks it, builds it with its parameters, asks for its table.

    Args:
        spec: its keys in the scenario file.
        world: what it is built with.
        scenario: resolves its path, and places errors.
        key: where `spec` stands in the scenario file.
        model: what an earlier `fit` gave, for a class that learns.

    Raises:
        PluginError: it cannot be imported, breaks the protocol, or raises.
        ScenarioError: a parameter is unknown, missing or of another type.
    """
    target, _, name = spec.recommender.rpartition(":")
    with placed(scenario, (*key, "recommender")):
        file, module = imported(target, scenario)
        plugin = _class(module, name, target)
        params = built_params(spec, plugin, scenario, key)
        return _built(plugin, params, world, file, model)


def _class(module: ModuleType, name: str, target: str) -> type:
    plugin = class_of(module, name, target)
    methods = {"recommend": "a request", "recommend_batch": "requests"}
    if not any(callable(getattr(plugin, method, None)) for method in methods):
        raise PluginError(f"{target}:{name} lacks the method recommend(self, request)")
    for method, what in methods.items():
        if not hasattr(plugin, method):
            continue
        try:
            inspect.signature(getattr(plugin, method)).bind(None, None)
        except (TypeError, ValueError):
            raise PluginError(f"{target}:{name}.{method} must take self and {what}") from None
    return plugin


def _built(plugin: type, params: Any, world: World, file: Path, model: Arrays | None) -> Loaded:
    name = plugin.__name__
    learns = callable(getattr(plugin, "fit", None))
    if learns and not callable(getattr(plugin, "restore", None)):
        raise PluginError(f"{name} has fit(log, catalogue), so it needs restore(arrays)")
    with blamed(f"{name}(params, world)", file):
        recommender = plugin(params, readonly(world))
    if learns and model is None:
        return Loaded(recommender, None, f"{name} is not trained yet", file, learns, ready=False)
    if learns:
        with blamed(f"{name}.restore(arrays)", file):
            recommender.restore(readonly(model))
    has = hasattr(recommender, "candidates")
    with blamed(f"{name}.candidates()", file):
        table = recommender.candidates() if has else None
        if not isinstance(table, CandidateTable | None):
            what = f"returned {type(table).__name__}, not a CandidateTable or None"
            raise ValueError(what)
        if table is not None:
            table = CandidateTable.copy(table)  # of this very class, in memory of its own
            table.check(world)
        elif learns and has:
            # Whether users meet in it is decided before it is trained.
            raise ValueError("returned None after restore: leave the method out, or give a table")
    why = f"{name}.candidates() returned None" if has else f"{name} has no candidates()"
    return Loaded(recommender, table, "" if table is not None else why, file, learns)


def fit_plugin(loaded: Loaded, log: TrainingLog, catalogue: Catalogue) -> Fitted:
    """What a plug-in learns: the arrays that its `fit` returns.

    Args:
        loaded: of a class with `fit(log, catalogue)`.
        log: what it sees.
        catalogue: what it recommends from.

    Raises:
        PluginError: it raised, or returned something else than a mapping of numeric arrays.
    """
    recommender: Any = loaded.recommender
    with blamed(f"{type(recommender).__name__}.fit(log, catalogue)", loaded.file):
        arrays = recommender.fit(readonly(log), readonly(catalogue))
        if not isinstance(arrays, Mapping) or not all(isinstance(key, str) for key in arrays):
            raise ValueError("did not return a mapping from names to arrays")
        checked = {key: np.asarray(value) for key, value in arrays.items()}
        for key, value in checked.items():
            if value.dtype.kind not in "biuf":
                raise ValueError(f"returned {key!r} as {value.dtype}, not as numbers")
    return Fitted(checked)


def readonly(value: T) -> T:
    """A value whose arrays, lists and mappings cannot be written to; no array is copied.

    One world serves all arms, so a recommender that wrote into it would change what the others are
    compared by.

    Args:
        value: an array, a list, a mapping, a (named) tuple or a data class of such; anything else
            is returned as it is.
    """
    return cast(T, _readonly(value))


def _readonly(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, list):
        return tuple(map(_readonly, value))
    if isinstance(value, tuple):
        each = tuple(map(_readonly, value))
        return type(value)(*each) if hasattr(value, "_fields") else each
    if isinstance(value, Mapping):
        return MappingProxyType({key: _readonly(part) for key, part in value.items()})
    if is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: _readonly(getattr(value, f.name)) for f in fields(value) if f.init}
        return replace(value, **parts)
    return value


def _array(values: Any) -> Any:
    view = values.view()
    if values.dtype.kind in _BUFFERED:
        # Over memory that says it is fixed: the flag of a mere view can be set back.
        view = np.asarray(memoryview(values).toreadonly())
    view.setflags(write=False)
    return view
