"""From pydantic's account of an invalid scenario to one line about a key of the file."""

from __future__ import annotations

import re
from typing import Any, Final

from pydantic import ValidationError

from abbotify.errors import ScenarioError
from abbotify.files.yaml import KeyPath, Source
from abbotify.scenario.base import nearest, one_line

_PLACED: Final = ("unknown_key", "at_key")  # errors of ours that name a key below their location
_TAG_KINDS: Final = ("union_tag_invalid", "union_tag_not_found")
_KINDS: Final = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
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


def first_error(error: ValidationError, source: Source) -> ScenarioError:
    """The error that tells the user the most, with file, line and key."""
    ranked = [(_rank(detail, source.data), detail) for detail in error.errors(include_url=False)]
    best, detail = max(ranked, key=lambda pair: pair[0])
    path = _path(detail, source.data)
    # Branches of a union that fail alike are told together: "must be 'auto' or a whole number".
    rivals = [d for rank, d in ranked if rank == best and _path(d, source.data) == path]
    return source.error(_message(detail, [_wanted(rival) for rival in rivals]), path)


def shown(value: Any) -> str:
    """A value as the scenario file spells it, short."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return one_line(value)


def _rank(detail: Any, data: Any) -> tuple[int, int]:
    # Of the branches of a union, the one that got furthest tells the most, and one that took
    # the value's type for right more than one that did not.
    of_type = detail["type"] in _KINDS or detail["type"] == "literal_error"
    return len(_path(detail, data)), 0 if of_type else 1


def _path(detail: Any, data: Any) -> KeyPath:
    # pydantic's locations also name the branches of unions; only real keys are kept.
    path: list[str | int] = []
    here, loc, missing = data, detail["loc"], detail["type"] == "missing"
    for depth, part in enumerate(loc, 1):
        if _holds(here, part):
            here = here[part]
        elif not (missing and depth == len(loc) and isinstance(part, str)):
            continue
        path.append(part)
    if detail["type"] in _PLACED:
        path.extend(detail["ctx"]["key"])
    if detail["type"] in _TAG_KINDS and isinstance(detail["input"], dict):
        path.append(_tag_key(detail))
    return tuple(path)


def _holds(here: Any, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(here, list) and part < len(here)
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
        return f"must be {words} {_number(context[key])}"
    if kind in _LENGTHS:
        words, key, item = _LENGTHS[kind]
        count = context[key]
        return (
            f"must have {words} {count} {item}{'' if count == 1 else 's'}"
            if count
            else ("must be empty")
        )
    if kind == "string_pattern_mismatch":
        plugin = ":" in context["pattern"]
        return (
            "must read file.py:Class or module:Class"
            if plugin
            else "must hold no slash and no control or direction-changing character"
        )
    message = str(detail["msg"]).replace("Input should", "must")
    return f"{message[:1].lower()}{message[1:]}"


def _number(bound: float) -> str:
    return str(int(bound) if bound == int(bound) else bound)


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
    own = " or file.py:Class" if key == "recommender" else ""
    if key not in value:
        return (
            f"the key is missing; known are {', '.join(known)}{own}"
            if known
            else ("the key is missing")
        )
    hint = nearest(str(value[key]), known)
    return f"must be a known {key}, got {shown(value[key])}{hint}{own if 'known' in hint else ''}"
