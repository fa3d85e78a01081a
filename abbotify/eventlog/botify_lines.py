"""Lines of botify's log: which are sound, what is wrong with the others, their columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import itemgetter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import (
    LAST,
    MESSAGE,
    NEXT,
    NO_RECOMMENDATION,
    RECOMMENDATION,
    TIME,
    TIMESTAMP,
    TRACK,
    USER,
    IntArray,
)
from abbotify.eventlog.sessionise import LATEST

LATENCY: Final = "latency"  # seconds; the Parquet log holds milliseconds
EXPERIMENTS: Final = "experiments"
_KEYS: Final = (MESSAGE, TIMESTAMP, USER, TRACK, TIME, LATENCY)
LONGEST_LINE: Final = 1 << 20  # bytes; botify's have some 150, and a hole in a file has no end
_LARGEST_ID: Final = 2**63 - 1
_LONGEST: Final = 1e9  # seconds
_LONGEST_NAME: Final = 200

Combination = tuple[tuple[str, str], ...]  # (experiment, label) pairs of one line


class _Unsound(Exception):
    """One of many lines is broken; which one is then found line by line."""


@dataclass
class Columns:
    """The sound lines of a log, some at a time.

    Attributes:
        parts: column name -> arrays, in the order read.
        combinations: what the lines say of experiments; `parts["experiments"]` counts into it.
    """

    parts: dict[str, list[npt.NDArray[Any]]] = field(default_factory=dict)
    combinations: dict[Combination, int] = field(default_factory=dict)

    def joined(self) -> dict[str, npt.NDArray[Any]]:
        """Each column as one array."""
        return {name: np.concatenate(arrays) for name, arrays in self.parts.items()}

    def extend(self, lines: Sequence[bytes]) -> dict[int, str]:
        """Takes in the sound ones of some lines.

        Args:
            lines: without surrounding white space.

        Returns:
            position -> what is wrong, for the broken ones.
        """
        try:
            self._append(_scanned(lines))
            return {}
        except _Unsound:
            checked = [_checked(line) for line in lines]
            self._append([document for document, _ in checked if document is not None])
            return {i: reason for i, (_, reason) in enumerate(checked) if reason}

    def _append(self, documents: list[dict[str, Any]]) -> None:
        if not documents:
            return
        columns = _arrays(documents)
        columns[EXPERIMENTS] = self._combinations(documents)
        for name, array in columns.items():
            self.parts.setdefault(name, []).append(array)

    def _combinations(self, documents: list[dict[str, Any]]) -> IntArray:
        known = self.combinations
        codes = []
        try:
            for document in documents:
                pairs = tuple(document.get(EXPERIMENTS, _NONE).items())
                code = known.get(pairs)
                if code is None:
                    if _wrong_experiments(dict(pairs)):
                        raise _Unsound
                    code = known[pairs] = len(known)
                codes.append(code)
        except (AttributeError, TypeError) as error:
            raise _Unsound from error
        return np.array(codes, np.int64)


_NONE: Final[dict[str, str]] = {}
# What json.loads calls, without its two searches for white space: 40 % less time.
_scan: Final[Callable[[str, int], tuple[Any, int]]] = vars(json.JSONDecoder())["scan_once"]


def _scanned(lines: Sequence[bytes]) -> list[dict[str, Any]]:
    if max(map(len, lines), default=0) > LONGEST_LINE:
        raise _Unsound
    try:
        texts = [line.decode() for line in lines]
        scanned = [_scan(text, 0) for text in texts]
    except (ValueError, StopIteration, RecursionError) as error:
        raise _Unsound from error
    if any(end != len(text) for text, (_, end) in zip(texts, scanned, strict=True)):
        raise _Unsound
    documents = [document for document, _ in scanned]
    # A key twice in a line: each one that was written has a colon, of two equal ones one is left.
    # To count all lines at once costs next to nothing.
    keys, whole = _keys(documents), b"".join(lines)
    if whole.count(b":") != keys:
        # There are colons in texts, such as times of day, or objects in objects.
        written = whole.translate(None, b" \t\r\n").count(b'":')
        if written != keys and written != _inner_keys(documents):
            _refuse_twice(texts)
    return documents


def _inner_keys(documents: Sequence[Any]) -> int:
    try:
        return sum(map(_all_keys, documents))
    except RecursionError as error:
        raise _Unsound from error


def _all_keys(value: Any) -> int:
    """How many keys a value has, with those of all objects in it."""
    if isinstance(value, dict):
        return len(value) + sum(_all_keys(v) for v in value.values() if type(v) in (dict, list))
    return sum(map(_all_keys, value)) if isinstance(value, list) else 0


def _keys(documents: Sequence[Any]) -> int:
    """How many keys lines have, without those of objects that the format does not name."""
    try:
        inner = sum(len(document.get(EXPERIMENTS, _NONE)) for document in documents)
        return inner + sum(map(len, documents))
    except (AttributeError, TypeError) as error:
        raise _Unsound from error


def _refuse_twice(texts: Sequence[str]) -> None:
    """Raises _Unsound where a line has a key twice; the slow and sure way."""
    try:
        for text in texts:
            json.loads(text, object_pairs_hook=_once)
    except ValueError as error:
        raise _Unsound from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object, whose keys must be there once each."""
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {_shown(twice)} is there twice")
    return document


def _arrays(documents: list[dict[str, Any]]) -> dict[str, npt.NDArray[Any]]:
    try:
        rows = list(map(itemgetter(*_KEYS), documents))
        message, timestamp, user, track, time, latency = zip(*rows, strict=True)
        last = _lasts(message)
        going_on = (~last).tolist()
        columns: dict[str, npt.NDArray[Any]] = {
            "last": last,
            TIMESTAMP: _integers(timestamp, LATEST),
            USER: _integers(user),
            TRACK: _integers(track),
            TIME: _numbers(time, 1.0),
            "latency_ms": _milliseconds(_numbers(latency, _LONGEST)),
        }
        answers = [d[RECOMMENDATION] for d in compress(documents, going_on)]
    except (KeyError, TypeError, AttributeError) as error:
        raise _Unsound from error
    columns[RECOMMENDATION] = np.full(len(last), NO_RECOMMENDATION, np.int64)
    columns[RECOMMENDATION][~last] = _integers(answers)
    return columns


def _lasts(message: Sequence[Any]) -> npt.NDArray[np.bool_]:
    if not set(message) <= {NEXT, LAST}:
        raise _Unsound
    return np.array([value == LAST for value in message], np.bool_)


def _integers(values: Sequence[Any], highest: int = _LARGEST_ID) -> IntArray:
    if not set(map(type, values)) <= {int}:  # a bool is an int, but its type is not
        raise _Unsound
    try:
        integers = np.array(values, np.int64)
    except OverflowError as error:
        raise _Unsound from error
    if not ((integers >= 0) & (integers <= highest)).all():
        raise _Unsound
    return integers


def _numbers(values: Sequence[Any], highest: float) -> npt.NDArray[np.float64]:
    if not set(map(type, values)) <= {int, float}:
        raise _Unsound
    try:
        numbers = np.array(values, np.float64)
    except OverflowError as error:
        raise _Unsound from error
    if not (np.isfinite(numbers) & (numbers >= 0.0) & (numbers <= highest)).all():
        raise _Unsound
    return numbers


def _milliseconds(seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # A latency written as whole milliseconds / 1000 comes back whole, which 1.001 * 1000 is not.
    product = seconds * 1000.0
    whole = np.rint(product)
    return np.where(whole / 1000.0 == seconds, whole, product)


def _checked(line: bytes) -> tuple[dict[str, Any] | None, str]:
    if len(line) > LONGEST_LINE:
        return None, f"is longer than {LONGEST_LINE:,} bytes"
    try:
        document = json.loads(line.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        return None, f"is no JSON ({error})"
    reason = _wrong(document)
    return (None, reason) if reason else (document, "")


def _wrong(document: Any) -> str:
    if not isinstance(document, dict):
        return "is no JSON object"
    for key in _KEYS:
        if key not in document:
            return f'lacks "{key}"'
    if document[MESSAGE] not in (NEXT, LAST):
        return f'has "{MESSAGE}": {_shown(document[MESSAGE])}, not "{NEXT}" or "{LAST}"'
    if document[MESSAGE] == NEXT and RECOMMENDATION not in document:
        return f'lacks "{RECOMMENDATION}"'
    return _wrong_values(document)


def _wrong_values(document: dict[str, Any]) -> str:
    ids = (USER, TRACK, RECOMMENDATION) if document[MESSAGE] == NEXT else (USER, TRACK)
    rules = [
        (TIMESTAMP, _is_integer(document[TIMESTAMP], LATEST), "a whole number of milliseconds"),
        *((key, _is_integer(document[key]), "an id (a whole number from 0)") for key in ids),
        (TIME, _is_number(document[TIME], 1.0), "a number between 0 and 1"),
        (LATENCY, _is_number(document[LATENCY], _LONGEST), "a number of seconds from 0 to 1e9"),
    ]
    for key, kept, rule in rules:
        if not kept:
            return f'has "{key}": {_shown(document[key])}, not {rule}'
    if _wrong_experiments(document.get(EXPERIMENTS, _NONE)):
        return f'has "{EXPERIMENTS}": {_shown(document[EXPERIMENTS])}, not names of arms by name'
    return ""


def _is_integer(value: Any, highest: int = _LARGEST_ID) -> bool:
    return type(value) is int and 0 <= value <= highest


def _is_number(value: Any, highest: float) -> bool:
    return type(value) in (int, float) and 0 <= value <= highest  # NaN is not


def _wrong_experiments(value: Any) -> bool:
    return not isinstance(value, dict) or not all(map(is_name, [*value, *value.values()]))


def is_name(value: Any) -> bool:
    """Whether a value can name an arm or an experiment: printable and not longer than a line."""
    # Half a surrogate pair, which JSON can spell, is not printable: it could not be written again.
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value.isprintable()


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
