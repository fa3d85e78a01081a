"""What code of the user's own gets: the same memory, which it can read but not change.

One world serves all arms, so a recommender that wrote into it would change what the others are
compared by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any, Final, TypeVar, cast

import numpy as np

T = TypeVar("T")

_BUFFERED: Final = "biufc"  # kinds of numpy's types that a memory view knows


def readonly(value: T) -> T:
    """A value whose arrays, lists and mappings cannot be written to; no array is copied.

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
