"""From a scenario file and its overrides to a `Scenario`, or to one clear line."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml as pyyaml
from pydantic import ValidationError

from abbotify.errors import ScenarioError
from abbotify.scenario import yaml
from abbotify.scenario.base import one_line
from abbotify.scenario.models import Scenario
from abbotify.scenario.yaml import KeyPath, Source, dotted

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
        raise _first_error(error, source) from None
    scenario._source, scenario._root = source, root
    return scenario


def root_of(path: Path) -> Path:
    """The folder relative paths resolve against: the nearest parent that holds `scenarios/`."""
    folder = path.resolve().parent
    for parent in (folder, *folder.parents):
        if (parent / "scenarios").is_dir():
            return parent
    return folder


def resolve(scenario: Scenario, text: str, key: KeyPath) -> Path:
    """A path of the scenario file as a path of this machine.

    `${NAME}` stands for an environment variable; relative paths start at the workspace's root.

    Raises:
        ScenarioError: the variable is not set, or there is nothing at the path.
    """

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if not found:
            raise scenario.error(f"{text}: the environment variable {match[1]} is not set", key)
        return found

    path = scenario.root / Path(_VARIABLE.sub(value, text)).expanduser()
    if not path.exists():
        raise scenario.error(f"{text}: no such file or folder ({path})", key)
    return path


def dump(scenario: Scenario) -> str:
    """The resolved scenario as YAML: what was written plus every default."""
    return pyyaml.safe_dump(
        plain(scenario), sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )


def plain(scenario: Scenario) -> dict[str, Any]:
    """The resolved scenario as plain data in file order, without keys that are unset."""
    data: dict[str, Any] = scenario.model_dump(mode="json", exclude_none=True)
    return data


def schema() -> dict[str, Any]:
    """The JSON Schema of the scenario file, for editors."""
    data = Scenario.model_json_schema()
    data["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    data["title"] = "abbotify scenario"
    data["required"] = [key for key in data.get("required", ()) if key != "name"]
    return data


def _override(source: Source, text: str) -> Source:
    key_text, equals, value_text = text.partition("=")
    file = f"--set {text}"
    if not equals or not key_text.strip():
        raise ScenarioError("must read key.path=value", file=file)
    value = yaml.parse(value_text, file).data
    if source.data is not None and not isinstance(source.data, dict):
        return source
    data = copy.deepcopy(source.data) or {}
    path = _place(data, key_text.strip().split("."), value, file)
    return Source(source.file, data, {**source.lines, path: 0})


def _place(data: Any, keys: list[str], value: Any, file: str) -> KeyPath:
    path: list[str | int] = []
    here = data
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        part: str | int = key
        if isinstance(here, list):
            if not key.isdigit() or int(key) >= len(here):
                what = f"must be an index below {len(here)}, got {key!r}"
                raise ScenarioError(what, file=file, key=dotted((*path, key)))
            part = int(key)
        elif not isinstance(here, dict):
            raise ScenarioError("is not a mapping", file=file, key=dotted(tuple(path)))
        path.append(part)
        if last:
            here[part] = value
        elif isinstance(here, dict):
            here = here.setdefault(key, {})
        else:
            here = here[part]
    return tuple(path)


def _first_error(error: ValidationError, source: Source) -> ScenarioError:
    details = sorted(error.errors(include_url=False), key=_specificity)
    detail = details[0]
    path = _path(detail["loc"], source.data, missing=detail["type"] == "missing")
    what = _message(detail)
    context = detail.get("ctx", {})
    if detail["type"] in ("unknown_key", "at_key"):
        path = (*path, *_parts(str(context["key"]), detail["type"] == "unknown_key"))
    line = source.line(path)
    file = source.file if line != 0 else f"{source.file} (--set)"
    return ScenarioError(what, file=file, line=line or None, key=dotted(path) or None)


def _specificity(detail: Any) -> int:
    # Of the branches of a union, the one that got furthest tells the most.
    return -len(detail["loc"]) - (detail["type"] in ("unknown_key", "at_key"))


def _parts(key: str, whole: bool) -> KeyPath:
    return (key,) if whole else tuple(int(p) if p.isdigit() else p for p in key.split("."))


def _path(loc: tuple[str | int, ...], data: Any, missing: bool) -> KeyPath:
    # pydantic's locations also name the branches of unions; only real keys are kept.
    path: list[str | int] = []
    for i, part in enumerate(loc):
        if isinstance(data, dict) and part in data:
            data = data[str(part)]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        elif not (missing and i == len(loc) - 1):
            continue
        path.append(part)
    return tuple(path)


def _message(detail: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing":
        return "the key is missing"
    if kind in ("unknown_key", "at_key"):
        return str(detail["msg"])
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        name = str(context.get("discriminator", "")).strip("'").split("(")[0]
        key = {"_source": "source", "phase": name, "distribution": name}.get(name, "recommender")
        expected = context.get("expected_tags")
        known = "" if expected is None else f"; known are {str(expected).replace(chr(39), '')}"
        if kind == "union_tag_not_found":
            return f"the key {key} is missing or not text{known}"
        return f"{key} is unknown, got {context.get('tag')!r}{known}"
    if kind == "value_error":
        return str(context["error"])
    message = str(detail["msg"]).replace("Input should be", "must be")
    message = message.replace("Tuple should", "must").replace("String should", "must")
    message = message.replace("valid dictionary", "mapping").replace("valid tuple", "list")
    return f"{message[:1].lower()}{message[1:]}, got {one_line(detail['input'])}"
