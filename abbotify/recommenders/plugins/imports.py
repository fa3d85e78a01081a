"""Code of the user's own, imported from a file or a module, and blamed for what it raises."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from abbotify.errors import PluginError, UserError
from abbotify.files.yaml import KeyPath, dotted
from abbotify.recommenders.failures import described, line_in
from abbotify.scenario import Scenario
from abbotify.typed import nearest


def imported(target: str, scenario: Scenario) -> tuple[Path, ModuleType]:
    """A module by its file (relative to the workspace) or its dotted name, and where it lies.

    Raises:
        PluginError: there is none, it is not Python, or importing it raises.
    """
    if not target.endswith(".py") and "/" not in target:
        return _module(target)
    try:
        path = Path(os.path.realpath(scenario.root / target))  # as resolve, but takes loops
        present = path.is_file()
    except (OSError, ValueError) as error:  # too long, no permission, a null byte
        raise PluginError(f"{target}: {getattr(error, 'strerror', None) or error}") from None
    if not present:
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


def class_of(module: ModuleType, name: str, target: str) -> type:
    """The class of a name.

    Args:
        module: where it is.
        name: its name.
        target: the module, as the scenario file has it.

    Raises:
        PluginError: it has none, or the name is of something else.
    """
    value = getattr(module, name, None)
    if value is None:
        classes = [n for n, value in vars(module).items() if _is_class_of(value, module)]
        raise PluginError(
            f"{target} has no class {name}{nearest(name, classes) if classes else ''}"
        )
    if not isinstance(value, type):
        raise PluginError(f"{target}:{name} is not a class, but of type {type(value).__name__}")
    return value


def _is_class_of(value: Any, module: ModuleType) -> bool:
    return isinstance(value, type) and value.__module__ == module.__name__


@contextmanager
def placed(scenario: Scenario, place: KeyPath) -> Iterator[None]:
    """Gives an error that has no place yet the place of a key of the scenario file."""
    try:
        with _working_folder_kept():
            yield
    except PluginError as error:
        if error.file is not None:
            raise
        source, line = scenario.source.place(place)
        raise PluginError(error.what, file=source, line=line, key=dotted(place)) from error


@contextmanager
def blamed(step: str, file: Path) -> Iterator[None]:
    """Whatever a plug-in's code raises, told with the place that raised it."""
    try:
        with _working_folder_kept():
            yield
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:
        what = f"{step} raised {described(error)}"
        raise PluginError(what, file=file, line=line_in(error, file)) from error


@contextmanager
def _working_folder_kept() -> Iterator[None]:
    """Goes back to the working folder, which relative paths of the command line start at."""
    before = None
    with suppress(OSError):  # it may be removed
        before = os.getcwd()
    try:
        yield
    finally:
        if before is not None:
            with suppress(OSError):
                os.chdir(before)
