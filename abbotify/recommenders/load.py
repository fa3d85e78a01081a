"""Recommenders of the user's own: `recommenders/file.py:Class` or `module:Class`."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from abbotify.errors import PluginError, UserError
from abbotify.recommenders.answers import described, line_in
from abbotify.recommenders.base import Recommender
from abbotify.recommenders.candidates import CandidateTable
from abbotify.recommenders.params import built_params
from abbotify.recommenders.training import Arrays, Fitted, TrainingLog
from abbotify.scenario import Scenario
from abbotify.scenario.base import nearest
from abbotify.scenario.recommenders import Plugin
from abbotify.scenario.yaml import KeyPath, dotted
from abbotify.world.base import Catalogue, World


@dataclass(frozen=True)
class Loaded:
    """A plug-in, built.

    Attributes:
        recommender: the object.
        table: what it lowers to, or None.
        why_not: why it has no table; empty when it has one.
        learns: it has to be trained, by its method `fit`.
        ready: it does not learn, or has been given what it learned.
    """

    recommender: Recommender
    table: CandidateTable | None
    why_not: str
    learns: bool = False
    ready: bool = True


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
    place = (*key, "recommender")
    target, _, name = spec.recommender.rpartition(":")
    try:
        file, module = _imported(target, scenario)
        plugin = _class(module, name, target)
        params = built_params(spec, plugin, scenario, key)
        return _built(plugin, params, world, file, model)
    except PluginError as error:
        if error.file is not None:
            raise
        line = scenario.source.line(place)
        source = scenario.source.file
        raise PluginError(error.what, file=source, line=line, key=dotted(place)) from error


def _imported(target: str, scenario: Scenario) -> tuple[Path, ModuleType]:
    if not target.endswith(".py") and "/" not in target:
        return _module(target)
    try:
        path = Path(os.path.realpath(scenario.root / target))  # as resolve, but takes loops
        found = path.is_file()
    except (OSError, ValueError) as error:  # too long, no permission, a null byte
        raise PluginError(f"{target}: {getattr(error, 'strerror', None) or error}") from None
    if not found:
        raise PluginError(f"{target}: no such file ({path})")
    return path, _file_module(path)


def _module(name: str) -> tuple[Path, ModuleType]:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise PluginError(f"{name}: {error}; a file's name ends in .py") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module that ends the program is no reason to end it
        raise PluginError(f"{name}: importing it raised {described(error)}") from error
    return Path(getattr(module, "__file__", None) or name), module


def _file_module(path: Path) -> ModuleType:
    # The name is unique to the path: two files of one name in two workspaces stay apart.
    name = f"abbotify_plugin_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    loader = SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their own module up
    try:
        # Compiled from the source each time: a cached file may be stale within one second.
        code = loader.source_to_code(loader.get_data(str(path)), str(path))
        with _siblings(path.parent):
            exec(code, module.__dict__)
    except SyntaxError as error:
        where = error.filename or path
        raise PluginError(f"not valid Python: {error.msg}", file=where, line=error.lineno) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plug-in that ends the program is no reason to end it
        line = line_in(error, path)
        what = f"importing it raised {described(error)}"
        raise PluginError(what, file=path, line=line) from error
    return module


@contextmanager
def _siblings(folder: Path) -> Iterator[None]:
    """While a file is run, modules of its folder can be imported; all others come first."""
    for path in folder.glob("*.py"):
        known = sys.modules.get(path.stem)
        file = Path(getattr(known, "__file__", None) or path)
        # A module from a folder that is not on the path was the sibling of another plug-in.
        if known is not None and file.name == path.name and str(file.parent) not in sys.path:
            del sys.modules[path.stem]
    sys.path.append(str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _class(module: ModuleType, name: str, target: str) -> type:
    found = getattr(module, name, None)
    if found is None:
        own = [n for n, value in vars(module).items() if _is_own_class(value, module)]
        raise PluginError(f"{target} has no class {name}{nearest(name, own) if own else ''}")
    if not isinstance(found, type):
        raise PluginError(f"{target}:{name} is not a class, but of type {type(found).__name__}")
    recommend = getattr(found, "recommend", None)
    if not callable(recommend):
        raise PluginError(f"{target}:{name} lacks the method recommend(self, request)")
    try:
        inspect.signature(recommend).bind(None, None)
    except (TypeError, ValueError):
        raise PluginError(f"{target}:{name}.recommend must take self and a request") from None
    return found


def _is_own_class(value: Any, module: ModuleType) -> bool:
    return isinstance(value, type) and value.__module__ == module.__name__


def _built(plugin: type, params: Any, world: World, file: Path, model: Arrays | None) -> Loaded:
    name = plugin.__name__
    learns = callable(getattr(plugin, "fit", None))
    if learns and not callable(getattr(plugin, "restore", None)):
        raise PluginError(f"{name} has fit(log, catalogue), so it needs restore(arrays)")
    with _blamed(f"{name}(params, world)", file):
        recommender = plugin(params, world)
    if learns and model is None:
        return Loaded(recommender, None, f"{name} is not trained yet", learns, ready=False)
    if learns:
        with _blamed(f"{name}.restore(arrays)", file):
            recommender.restore(model)
    has = hasattr(recommender, "candidates")
    with _blamed(f"{name}.candidates()", file):
        table = recommender.candidates() if has else None
        if not isinstance(table, CandidateTable | None):
            what = f"returned {type(table).__name__}, not a CandidateTable or None"
            raise ValueError(what)
        if table is not None:
            table.check(world)
        elif learns and has:
            # Whether users meet in it is decided before it is trained.
            raise ValueError("returned None after restore: leave the method out, or give a table")
    why = f"{name}.candidates() returned None" if has else f"{name} has no candidates()"
    return Loaded(recommender, table, "" if table is not None else why, learns)


def fit_plugin(recommender: Any, log: TrainingLog, catalogue: Catalogue, file: str) -> Fitted:
    """What a plug-in learns: the arrays that its `fit` returns.

    Args:
        recommender: an object of a class with `fit(log, catalogue)`.
        log: what it sees.
        catalogue: what it recommends from.
        file: where it comes from, for the error.

    Raises:
        PluginError: it raised, or returned something else than a mapping of numeric arrays.
    """
    name = type(recommender).__name__
    with _blamed(f"{name}.fit(log, catalogue)", Path(file)):
        arrays = recommender.fit(log, catalogue)
        if not isinstance(arrays, Mapping) or not all(isinstance(key, str) for key in arrays):
            raise ValueError("did not return a mapping from names to arrays")
        checked = {key: np.asarray(value) for key, value in arrays.items()}
        for key, value in checked.items():
            if value.dtype.kind not in "biuf":
                raise ValueError(f"returned {key!r} as {value.dtype}, not as numbers")
    return Fitted(checked)


@contextmanager
def _blamed(step: str, file: Path) -> Iterator[None]:
    """Whatever a plug-in's code raises, told with the place that raised it."""
    try:
        yield
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:
        what = f"{step} raised {described(error)}"
        raise PluginError(what, file=file, line=line_in(error, file)) from error
