"""Records with arrays on disk, without pickle: a reader names the classes that may be in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from abbotify.errors import DataError
from abbotify.files.folders import load_arrays, save_arrays

if TYPE_CHECKING:
    import numpy.typing as npt

_TREE: Final = "tree"  # what describes the record, beside its arrays


def save_record(path: Path, record: Any) -> None:
    """Writes a record to an `.npz` file, which appears whole or not at all.

    Args:
        path: the file; an existing one is replaced.
        record: None, numbers, texts, arrays, and tuples, lists, mappings, dataclasses, named
            tuples and objects with attributes of these.
    """
    import numpy as np

    arrays: dict[str, npt.NDArray[Any]] = {}
    tree = json.dumps(_plain(record, arrays)).encode()
    save_arrays(path, {**arrays, _TREE: np.frombuffer(tree, np.uint8)})


def load_record(path: Path, classes: tuple[type, ...], what: str) -> Any:
    """Reads what `save_record` wrote.

    Args:
        path: the file.
        classes: that may be in it.
        what: it should be, for the error.

    Raises:
        DataError: the file is missing or broken.
    """
    arrays = load_arrays(path, what)
    try:
        tree = json.loads(arrays[_TREE].tobytes())
        return _record(tree, arrays, {each.__name__: each for each in classes})
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"is not {what}: {error}", file=path) from None


def _plain(value: Any, arrays: dict[str, npt.NDArray[Any]]) -> Any:
    """A value as JSON has it: what JSON lacks is a list of its kind and its parts."""
    import numpy as np

    if isinstance(value, np.ndarray | np.generic):
        name, array = str(len(arrays)), np.asarray(value)
        if array.dtype == np.int64 and array.min(initial=0) >= 0:  # counts: mostly small
            array = array.astype(np.min_scalar_type(array.max(initial=0)))
        arrays[name] = array
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        return [kind, name, value.dtype.str]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return ["mapping", [[_plain(part, arrays) for part in pair] for pair in value.items()]]
    if isinstance(value, list) or type(value) is tuple:
        return [type(value).__name__, [_plain(part, arrays) for part in value]]
    names = [field.name for field in fields(value)] if is_dataclass(value) else _names(value)
    parts = {name: _plain(getattr(value, name), arrays) for name in names}
    return ["object", type(value).__name__, parts]


def _names(value: Any) -> list[str]:
    return list(getattr(value, "_fields", None) or vars(value))


def _record(tree: Any, arrays: Mapping[str, Any], classes: Mapping[str, type]) -> Any:
    if not isinstance(tree, list):
        return tree
    kind, content, *rest = tree
    match kind:
        case "array":
            return arrays[content].astype(rest[0])
        case "scalar":
            return arrays[content].astype(rest[0])[()]
        case "mapping":
            return dict(tuple(_record(part, arrays, classes) for part in pair) for pair in content)
        case "list" | "tuple":
            parts = [_record(part, arrays, classes) for part in content]
            return parts if kind == "list" else tuple(parts)
    named = {name: _record(part, arrays, classes) for name, part in rest[0].items()}
    known: Any = classes[content]
    if is_dataclass(known) or hasattr(known, "_fields"):
        return known(**named)
    made = known.__new__(known)
    vars(made).update(named)
    return made
