"""Plain data (dict, list, str, int, float, bool, None) into types and back, one line a mistake.

    read(data, kind, *, file=None, line=None, key="", error=DataError) -> kind

reads what `json` gives into a frozen dataclass, whose annotations are the schema, and raises
`error(what, file=..., line=..., key=...)` with the path of keys below `key`: `arms[0].weight`.
`validated(data, kind)` raises a `Mistake` with a tuple of keys. `what` reads "must be a number, got
'x'", as for a scenario file, whose models `first_mistake` serves too.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import CoreConfig, SchemaValidator

from abbotify.errors import DataError, UserError

T = TypeVar("T")
Keys = tuple[str | int, ...]

_STRICT: Final = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
_BY_PLAIN_DATA: Final = ("tuple", "dataclass", "lax-or-strict")  # the last is a path's
_UNKNOWN: Final = "unexpected_keyword_argument"
_PLACED: Final = ("unknown_key", "at_key")  # errors of ours that name a key below their location
_TAG_KINDS: Final = ("union_tag_invalid", "union_tag_not_found")
_MAPPINGS: Final = ("dict_type", "model_type", "model_attributes_type", "dataclass_type")
_KINDS: Final = {
    **dict.fromkeys(("int_type", "int_from_float"), "a whole number"),
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "path_type": "a path",
    **dict.fromkeys(("tuple_type", "list_type"), "a list"),
    **dict.fromkeys(_MAPPINGS, "a mapping of keys to values"),
}
_BOUNDS: Final = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("above", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("below", "lt"),
}
_LENGTHS: Final = {
    "too_short": ("at least", "min_length", "item"),
    "too_long": ("at most", "max_length", "item"),
    "string_too_short": ("at least", "min_length", "character"),
    "string_too_long": ("at most", "max_length", "character"),
}


class Mistake(Exception):
    """A value that breaks a rule: `what` it is and the `path` of keys that leads to it."""

    def __init__(self, what: str, path: Keys) -> None:
        super().__init__(what)
        self.what = what
        self.path = path


def read(
    data: object,
    kind: type[T],
    *,
    file: str | Path | None = None,
    line: int | None = None,
    key: str = "",
    error: type[UserError] = DataError,
) -> T:
    """A value of type `kind` read from plain data.

    Args:
        data: plain data, as `json` reads it.
        kind: a dataclass, or any type that its annotations may name.
        file: that holds the data, for the error.
        line: of that file, likewise.
        key: the path of keys to `data`, likewise.
        error: the class of what is raised.

    Raises:
        UserError: an `error`: the data do not have the form of `kind`.
    """
    try:
        return validated(data, kind)
    except Mistake as wrong:
        raise error(wrong.what, file=file, line=line, key=key_path(wrong.path, key)) from None


def validated(data: object, kind: type[T]) -> T:
    """A value of type `kind` read from plain data; a path is read from a text.

    Raises:
        Mistake: the data do not have the form of `kind`.
    """
    plain = _plain(data, ())
    try:
        return typing.cast(T, _validator(typing.cast(Any, kind)).validate_python((plain,))[0])
    except ValidationError as error:
        mistake = first_mistake(error, (plain,))
        raise Mistake(mistake.what, mistake.path[1:]) from None


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


def key_path(path: Keys, above: str = "") -> str:
    """A path of keys as text: `arms[0].weight`."""
    for part in path:
        name = f"[{part}]" if isinstance(part, int) else part
        above += f".{name}" if above and isinstance(part, str) else name
    return above


def first_mistake(error: ValidationError, data: Any) -> Mistake:
    """The mistake that tells the user the most, of all that pydantic found in plain data."""
    ranked = [(_rank(detail, data), detail) for detail in error.errors(include_url=False)]
    best, detail = max(ranked, key=lambda pair: pair[0])
    path = _path(detail, data)
    # Branches of a union that fail alike are named together: "must be 'auto' or a whole number".
    rivals = [d for rank, d in ranked if rank == best and _path(d, data) == path]
    return Mistake(_message(detail, [_wanted(rival) for rival in rivals]), path)


def nearest(name: str, known: list[str]) -> str:
    """A hint for a misspelt name: the nearest known one, or all of them when there are few."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known are {', '.join(known)}" if len(known) <= 20 else ""


def one_line(value: Any) -> str:
    """A value as short text for an error message."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def shown(value: Any) -> str:
    """A value as a scenario file or JSON spells it, short."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return one_line(value)


@functools.cache
def _validator(kind: Any) -> SchemaValidator:
    # In a tuple, since pydantic takes no configuration beside a dataclass itself.
    schema = TypeAdapter(tuple[kind], config=_STRICT).core_schema
    _accept_plain_containers(schema)
    return SchemaValidator(schema, CoreConfig(strict=True))


def _accept_plain_containers(schema: Any) -> None:
    """Lets a list stand for a tuple, a mapping for a dataclass and a text for a path."""
    parts = schema.values() if isinstance(schema, dict) else schema
    if isinstance(schema, dict) and schema.get("type") in _BY_PLAIN_DATA:
        schema["strict"] = False
    for part in parts:
        if isinstance(part, dict | list | tuple):
            _accept_plain_containers(part)


def _plain(value: Any, path: Keys) -> Any:
    """The data with lists for tuples; refuses what JSON cannot hold."""
    if isinstance(value, Mapping):
        return {_encodable(name): _plain(item, (*path, name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, (*path, at)) for at, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        what = f"must be a finite number, got {value} (undefined values are null)"
        raise Mistake(what, path)
    if value is not None and not isinstance(value, str | int | float):
        raise Mistake(f"must be plain data, got {one_line(value)}", path)
    return _encodable(value)


def _encodable(value: Any) -> Any:
    """A text with halves of surrogate pairs, which UTF-8 cannot hold, replaced."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _rank(detail: Any, data: Any) -> tuple[int, int]:
    # Of the branches of a union, the one that got furthest tells the most, and one that took
    # the value's type for right more than one that did not.
    of_type = detail["type"] in _KINDS or detail["type"] == "literal_error"
    return len(_path(detail, data)), 0 if of_type else 1


def _path(detail: Any, data: Any) -> Keys:
    # pydantic's locations also name the branches of unions; only real keys are kept.
    path: list[str | int] = []
    here, loc, names_key = data, detail["loc"], detail["type"] in ("missing", _UNKNOWN)
    for depth, part in enumerate(loc, 1):
        if _holds(here, part):
            here = here[part]
        elif not (names_key and depth == len(loc) and isinstance(part, str)):
            continue
        path.append(part)
    if detail["type"] in _PLACED:
        path.extend(detail["ctx"]["key"])
    if detail["type"] in _TAG_KINDS and isinstance(detail["input"], dict):
        path.append(_tag_key(detail))
    return tuple(path)


def _holds(here: Any, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(here, list | tuple) and part < len(here)
    return isinstance(here, dict) and part in here


def _tag_key(detail: Any) -> str:
    name = detail["ctx"]["discriminator"].strip("'").split("(")[0]
    return {"_source": "source", "phase": name, "distribution": name}.get(name, "recommender")


def _wanted(detail: Any) -> str:
    kind = detail["type"]
    return str(detail["ctx"]["expected"]) if kind == "literal_error" else _KINDS.get(kind, "")


def _message(detail: Any, wanted: list[str]) -> str:
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind in _PLACED:
        return str(detail["msg"])
    if kind == _UNKNOWN:
        return "unknown key"
    if kind == "value_error":
        return str(context["error"])
    if kind in _TAG_KINDS:
        return _tag_message(detail)
    if kind == "missing":
        lacks_item = isinstance(detail["loc"][-1], int)
        return f"has too few items, got {shown(value)}" if lacks_item else "the key is missing"
    return f"{_rule(detail, wanted)}, got {shown(value)}{_hint(detail)}"


def _rule(detail: Any, wanted: list[str]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if any(wanted):
        return f"must be {' or '.join(dict.fromkeys(want for want in wanted if want))}"
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        bound = context[key]
        return f"must be {words} {int(bound) if bound == int(bound) else bound}"
    if kind in _LENGTHS:
        words, key, item = _LENGTHS[kind]
        count = context[key]
        if not count:
            return "must be empty"
        return f"must have {words} {count} {item}{'' if count == 1 else 's'}"
    if kind == "string_pattern_mismatch":
        if ":" in context["pattern"]:
            return "must read file.py:Class or module:Class"
        return "must hold no slash and no control or direction-changing character"
    message = str(detail["msg"]).replace("Input should", "must")
    return f"{message[:1].lower()}{message[1:]}"


def _hint(detail: Any) -> str:
    if detail["type"] != "literal_error" or not isinstance(detail["input"], str):
        return ""
    hint = nearest(detail["input"], re.findall(r"'([^']*)'", detail["ctx"]["expected"]))
    return hint if "did you mean" in hint else ""


def _tag_message(detail: Any) -> str:
    key, value = _tag_key(detail), detail["input"]
    if not isinstance(value, dict):
        return f"must be a mapping of keys to values, got {shown(value)}"
    tags = re.findall(r"'([^']*)'", detail["ctx"].get("expected_tags", ""))
    known = [tag for tag in tags if tag not in ("name", "plugin")]
    plugin = " or file.py:Class" if key == "recommender" else ""
    if key not in value:
        options = f"; known are {', '.join(known)}{plugin}" if known else ""
        return f"the key is missing{options}"
    hint = nearest(str(value[key]), known)
    hint += plugin if "known" in hint else ""
    return f"must be a known {key}, got {shown(value[key])}{hint}"
