"""A plug-in's keys in the scenario file, checked against its frozen dataclass `Params`."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from abbotify.errors import PluginError
from abbotify.files.yaml import KeyPath, dotted
from abbotify.scenario import Scenario, resolve
from abbotify.scenario.recommenders import Plugin
from abbotify.typed import Mistake, nearest, validated

_SCALARS: Final = (Any, int, float, str, bool, Path, type(None))


def built_params(spec: Plugin, plugin: type, scenario: Scenario, key: KeyPath) -> Any:
    """The plug-in's `Params` filled with its keys in the scenario file; None without `Params`.

    Fields may be int, float, str, bool, Path (an existing one, resolved like every path of the
    scenario), Literal, tuple, list, dict, Any, and unions of these.

    Raises:
        PluginError: `Params` is not a frozen dataclass of such fields.
        ScenarioError: a key is unknown, missing or of another type, or `Params` refuses it.
    """
    fields = _fields(plugin, spec, scenario, key)
    _refuse_unknown(spec, plugin, list(fields), scenario, key)
    values = {}
    for name, (hint, needed) in fields.items():
        if name in spec.params:
            place = (*key, name)
            try:
                value = validated(spec.params[name], hint)
            except Mistake as mistake:
                raise scenario.error(mistake.what, (*place, *mistake.path)) from None
            values[name] = _resolved(value, scenario, place)
        elif needed:
            raise scenario.error("the key is missing", (*key, name))
    params = getattr(plugin, "Params", None)
    try:
        return None if params is None else params(**values)
    except Exception as error:
        raise scenario.error(f"{plugin.__name__}.Params refuses: {error}", key) from error


def _fields(
    plugin: type, spec: Plugin, scenario: Scenario, key: KeyPath
) -> Mapping[str, tuple[Any, bool]]:
    params = getattr(plugin, "Params", None)
    if params is None:
        return {}

    def refuse(what: str) -> PluginError:
        place = (*key, "recommender")
        file, line = scenario.source.place(place)
        return PluginError(f"{spec.recommender}: {what}", file=file, line=line, key=dotted(place))

    settings = getattr(params, "__dataclass_params__", None)
    if not isinstance(params, type) or settings is None or not settings.frozen:
        raise refuse("Params must be a frozen dataclass")
    try:
        hints = get_type_hints(params)
    except Exception as error:
        raise refuse(f"the types of Params cannot be read: {error}") from None
    fields = {}
    for field in dataclasses.fields(params):
        if field.name in type(spec).model_fields:
            raise refuse(f"Params.{field.name} has the name of a key that every arm has")
        if not _supported(hints[field.name]):
            raise refuse(f"Params.{field.name}: the type {hints[field.name]} is not supported")
        plain = field.default is field.default_factory is dataclasses.MISSING
        if field.init:
            fields[field.name] = (hints[field.name], plain)
    return fields


def _refuse_unknown(
    spec: Plugin, plugin: type, known: list[str], scenario: Scenario, key: KeyPath
) -> None:
    for name in spec.params:
        if name not in known:
            options = [option for option in type(spec).model_fields if option != "recommender"]
            hint = nearest(name, [*known, *options])
            none = "" if known else f": {plugin.__name__} takes no parameters"
            raise scenario.error(f"unknown key{none}{hint}", (*key, name))


def _supported(hint: Any) -> bool:
    if hint in _SCALARS or get_origin(hint) is Literal:
        return True
    if get_origin(hint) in (tuple, list, dict, Union, types.UnionType):
        return all(_supported(part) for part in get_args(hint) if part is not Ellipsis)
    return False


def _resolved(value: Any, scenario: Scenario, place: KeyPath) -> Any:
    """A parameter with the paths in it resolved."""
    if isinstance(value, Path):
        return resolve(scenario, str(value), place)
    if isinstance(value, dict):
        return {key: _resolved(part, scenario, (*place, key)) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_resolved(part, scenario, (*place, i)) for i, part in enumerate(value))
    return value
