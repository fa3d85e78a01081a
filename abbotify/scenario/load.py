"""From a scenario file and its overrides to a `Scenario`, or to one clear line."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from abbotify.errors import ScenarioError
from abbotify.files import yaml
from abbotify.files.yaml import KeyPath, Source, dotted
from abbotify.scenario.recommenders import Plugin, RecommenderSpec
from abbotify.scenario.scenario import Scenario
from abbotify.typed import first_mistake, shown

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def load(path: str | Path, overrides: Sequence[str] = (), seed: int | None = None) -> Scenario:
    """Reads a scenario file.

    Args:
        path: the YAML file.
        overrides: `key.path=value` texts that replace values of the file; values are YAML.
        seed: replaces `seeds.dynamics`.

    Raises:
        ScenarioError: anything wrong with the file or an override.
    """
    path = Path(path)
    source = yaml.read(path)
    if seed is not None:
        overrides = [*overrides, f"seeds.dynamics={seed}"]
    for text in overrides:
        source = _override(source, text)
    return from_source(source, root_of(path), default_name=path.stem)


def from_source(source: Source, root: Path, default_name: str = "scenario") -> Scenario:
    """Validates a document.

    Raises:
        ScenarioError: the first rule it breaks.
    """
    if source.data is None:
        raise ScenarioError("the file is empty", file=source.file)
    if not isinstance(source.data, dict):
        raise ScenarioError("must be a mapping of keys to values", file=source.file, line=1)
    data = {"name": default_name, **source.data}
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        mistake = first_mistake(error, source.data)
        raise source.error(mistake.what, mistake.path) from None
    scenario._source, scenario._root = source, root
    return scenario


def root_of(path: Path) -> Path:
    """The folder relative paths resolve against: the nearest parent that holds `scenarios/`."""
    folder = path.resolve().parent
    for parent in (folder, *folder.parents):
        if (parent / "scenarios").is_dir():
            return parent
    return folder


def resolve(scenario: Scenario, text: str, key: KeyPath, *, folder: bool | None = None) -> Path:
    """A path of the scenario file as a path of this machine.

    `${NAME}` stands for an environment variable; relative paths start at the workspace's root.

    Args:
        scenario: whose file names the path.
        text: the path as written.
        key: that holds it.
        folder: it is to be a folder, and not a regular file; None: either.

    Raises:
        ScenarioError: the variable is not set, there is nothing at the path, or something else
            than what is to be there.
    """

    def value(match: re.Match[str]) -> str:
        setting = os.environ.get(match[1])
        if not setting:
            raise scenario.error(f"{text}: the environment variable {match[1]} is not set", key)
        return setting

    try:
        path = scenario.root / Path(_VARIABLE.sub(value, text)).expanduser()
        there = path.exists()
        fits = folder is None or (path.is_dir() if folder else path.is_file())
        if there and fits:
            return path
    except (OSError, RuntimeError, ValueError) as error:  # too long, no permission, ~nobody
        reason = getattr(error, "strerror", None) or str(error)
        raise scenario.error(f"{text}: {reason}", key) from None
    if there:
        raise scenario.error(
            f"{text}: is no {'folder' if folder else 'regular file'} ({path})", key
        )
    raise scenario.error(f"{text}: no such file or folder ({path})", key)


def dump(scenario: Scenario) -> str:
    """The resolved scenario as YAML: what was written plus every default."""
    return yaml.write(plain(scenario))


def plain(scenario: Scenario) -> dict[str, Any]:
    """The resolved scenario as plain data in file order, without keys that are unset."""
    data: dict[str, Any] = scenario.model_dump(mode="json", exclude_none=True)
    for name, arm in scenario.arms.items():
        _restore_params(arm, data["arms"][name])
    return data


def _restore_params(spec: RecommenderSpec, data: dict[str, Any]) -> None:
    # To a plug-in a null may mean something else than a missing key.
    if isinstance(spec, Plugin):
        data |= copy.deepcopy(spec.params)
    if isinstance(spec.fallback, RecommenderSpec):
        _restore_params(spec.fallback, data["fallback"])


def schema() -> dict[str, Any]:
    """The JSON Schema of the scenario file, for editors."""
    data = Scenario.model_json_schema()
    data["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    data["title"] = "abbotify scenario"
    data["required"] = [key for key in data.get("required", ()) if key != "name"]
    return data


def _override(source: Source, text: str) -> Source:
    key, equals, value_text = (part.strip() for part in text.partition("="))
    keys, file = key.split("."), f"--set {text}"
    if not equals or not all(keys):
        raise ScenarioError("must read key.path=value, such as seeds.world=2", file=file)
    try:
        value = yaml.parse(value_text, file).data
    except ScenarioError as error:
        raise ScenarioError(error.what, file=file) from None
    if source.data is not None and not isinstance(source.data, dict):
        return source
    data = copy.deepcopy(source.data) or {}
    path, first_new = _place(data, keys, value, file)
    # What lay under the key is gone; the key, and the parents made for it, come from --set.
    lines = {known: line for known, line in source.lines.items() if known[: len(path)] != path}
    lines |= {path[:end]: 0 for end in range(first_new, len(path) + 1)}
    return Source(source.file, data, lines)


def _place(data: Any, keys: list[str], value: Any, file: str) -> tuple[KeyPath, int]:
    path: list[str | int] = []
    here, first_new = data, len(keys)
    for depth, key in enumerate(keys, 1):
        part = _step(here, key, path, file)
        path.append(part)
        if depth == len(keys):
            here[part] = value
        elif isinstance(here, dict) and here.get(key) is None:
            first_new = min(first_new, depth)
            here[key] = here = {}
        else:
            here = here[part]
    return tuple(path), first_new


def _step(here: Any, key: str, path: list[str | int], file: str) -> str | int:
    if isinstance(here, dict):
        return key
    if not isinstance(here, list):
        what = f"is {shown(here)}, which has no keys"
        raise ScenarioError(what, file=file, key=dotted(tuple(path)))
    if not here:
        raise ScenarioError("is an empty list", file=file, key=dotted(tuple(path)))
    if not (key.isascii() and key.isdigit() and len(key) < 10 and int(key) < len(here)):
        what = f"must be an index 0 .. {len(here) - 1}, got {key!r}"
        raise ScenarioError(what, file=file, key=dotted((*path, key)))
    return int(key)
