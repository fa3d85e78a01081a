"""Plain data (dict, list, str, int, float, bool, None) to frozen dataclasses and back.

The dataclass is the schema: its annotations say what is accepted, its field order is the order of
keys in the file. Every refusal names the key path, so a broken file costs one line to mend.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union

from abbotify.errors import DataError

T = TypeVar("T")

_NAMES: dict[type, str] = {
    str: "a text",
    int: "an integer",
    float: "a number",
    bool: "true or false",
}


def read_as(kind: type[T], value: object, key: str = "") -> T:
    """A value of type `kind` read from plain data.

    Args:
        kind: a dataclass (or any type its annotations may name).
        value: plain data, as `json` reads it.
        key: the key path of `value`, for the error.

    Raises:
        DataError: the data do not have the form of `kind`; the error names the key path.
    """
    return typing.cast(T, _read(kind, value, key))


def to_plain(value: Any) -> Any:
    """The plain data of a dataclass, tuples as lists, keys in field order."""
    if dataclasses.is_dataclass(value):
        return {
            field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value


def _read(kind: Any, value: Any, key: str) -> Any:
    origin = typing.get_origin(kind)
    if kind is Any:
        return _anything(value, key)
    if origin in (Union, types.UnionType):
        return _one_of(kind, value, key)
    if origin is Literal:
        return _literal(kind, value, key)
    if origin is tuple:
        return _sequence(typing.get_args(kind)[0], value, key)
    if origin is dict:
        return _mapping(typing.get_args(kind)[1], value, key)
    if dataclasses.is_dataclass(kind):
        return _record(typing.cast(type, kind), value, key)
    return _scalar(kind, value, key)


def _one_of(kind: Any, value: Any, key: str) -> Any:
    kinds = typing.get_args(kind)
    if value is None and type(None) in kinds:
        return None
    inner = [each for each in kinds if each is not type(None)]
    return _read(type(value) if type(value) in inner else inner[0], value, key)


def _literal(kind: Any, value: Any, key: str) -> Any:
    allowed = typing.get_args(kind)
    if value not in allowed:
        raise DataError(f"{_shown(value)} is not one of {', '.join(map(str, allowed))}", key=key)
    return value


def _sequence(kind: Any, value: Any, key: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise DataError(f"{_shown(value)} is not a list", key=key)
    return tuple(_read(kind, item, f"{key}[{at}]") for at, item in enumerate(value))


def _mapping(kind: Any, value: Any, key: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise DataError(f"{_shown(value)} is not a mapping", key=key)
    return {
        _read(str, name, _below(key, name)): _read(kind, item, _below(key, name))
        for name, item in value.items()
    }


def _record(kind: type, value: Any, key: str) -> Any:
    if not isinstance(value, Mapping):
        raise DataError(f"{_shown(value)} is not a mapping", key=key)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name in value:
        if name not in fields:
            raise DataError(f"unknown key; known: {', '.join(fields)}", key=_below(key, name))
    for name, field in fields.items():
        if name not in value and field.default is dataclasses.MISSING:
            raise DataError("the key is missing", key=_below(key, name))
    hints = _hints(kind)
    return kind(
        **{name: _read(hints[name], item, _below(key, name)) for name, item in value.items()}
    )


def _scalar(kind: Any, value: Any, key: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
        raise DataError(f"{_shown(value)} is not {_NAMES[kind]}", key=key)
    if kind is float and not math.isfinite(value):
        raise DataError(f"{value} is not a finite number (undefined values are null)", key=key)
    return _encodable(value) if kind is str else value


def _anything(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        return _mapping(Any, value, key)
    if isinstance(value, list | tuple):
        return [_anything(item, f"{key}[{at}]") for at, item in enumerate(value)]
    if value is None:
        return None
    if type(value) not in _NAMES:
        raise DataError(f"{_shown(value)} is not plain data", key=key)
    return _scalar(type(value), value, key)


def _encodable(text: str) -> str:
    """The text with halves of surrogate pairs, which UTF-8 cannot hold, replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _below(key: str, name: object) -> str:
    return f"{key}.{name}" if key else str(name)


def _shown(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
