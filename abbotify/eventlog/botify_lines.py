"""Lines of botify's log: which are sound, what is wrong with the others, their columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import itemgetter
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import (
    LAST,
    LATENCY_MS,
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
_LONGEST_NAME: Final = 200

Combination = tuple[tuple[str, str], ...]  # (experiment, label) pairs of one line


class _Unsound(Exception):
    """One of many lines breaks a rule."""


# What broken lines raise where many are read at once.
_BROKEN: Final = (
    *(_Unsound, ValueError, TypeError, AttributeError, KeyError),
    *(OverflowError, StopIteration, RecursionError),
)


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
        except _BROKEN:  # which ones is seen line by line
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
        for document in documents:
            pairs = tuple(document.get(EXPERIMENTS, _NONE).items())
            code = known.get(pairs)
            if code is None:
                if _wrong_experiments(dict(pairs)):
                    raise _Unsound
                code = known[pairs] = len(known)
            codes.append(code)
        return np.array(codes, np.int64)


_NONE: Final[dict[str, str]] = {}
# What json.loads calls, without its two searches for white space: 40 % less time.
_scan: Final[Callable[[str, int], tuple[Any, int]]] = vars(json.JSONDecoder())["scan_once"]


def _scanned(lines: Sequence[bytes]) -> list[dict[str, Any]]:
    if max(map(len, lines), default=0) > LONGEST_LINE:
        raise _Unsound
    texts = [line.decode() for line in lines]
    scanned = [_scan(text, 0) for text in texts]
    if any(end != len(text) for text, (_, end) in zip(texts, scanned, strict=True)):
        raise _Unsound
    documents = [document for document, _ in scanned]
    # A key twice in a line: each one that was written has a colon, of two equal ones one is left.
    # To count all lines at once costs next to nothing.
    inner = sum(len(document.get(EXPERIMENTS, _NONE)) for document in documents)
    keys, whole = inner + sum(map(len, documents)), b"".join(lines)
    if whole.count(b":") != keys:
        # There are colons in texts, such as times of day, or objects in objects.
        written = whole.translate(None, b" \t\r\n").count(b'":')
        if written != keys and written != sum(map(_all_keys, documents)):
            for text in texts:  # the slow and sure way
                json.loads(text, object_pairs_hook=_once)
    return documents


def _all_keys(value: Any) -> int:
    """How many keys a value has, with those of all objects in it."""
    if isinstance(value, dict):
        return len(value) + sum(_all_keys(v) for v in value.values() if type(v) in (dict, list))
    return sum(map(_all_keys, value)) if isinstance(value, list) else 0


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object, whose keys must be there once each."""
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {_shown(twice)} is there twice")
    return document


def _arrays(documents: list[dict[str, Any]]) -> dict[str, npt.NDArray[Any]]:
    rows = list(map(itemgetter(*_KEYS), documents))
    message, timestamp, user, track, time, latency = zip(*rows, strict=True)
    if not set(message) <= {NEXT, LAST}:
        raise _Unsound
    last = np.array([value == LAST for value in message], np.bool_)
    answers = [d[RECOMMENDATION] for d in compress(documents, (~last).tolist())]
    recommendation = np.full(len(last), NO_RECOMMENDATION, np.int64)
    recommendation[~last] = _numbers(RECOMMENDATION, answers)
    return {
        "last": last,
        TIMESTAMP: _numbers(TIMESTAMP, timestamp),
        USER: _numbers(USER, user),
        TRACK: _numbers(TRACK, track),
        TIME: _numbers(TIME, time),
        LATENCY_MS: _milliseconds(_numbers(LATENCY, latency)),
        RECOMMENDATION: recommendation,
    }


class _Rule(NamedTuple):
    """What a number of a line must be: of some types, from 0 to the highest."""

    types: frozenset[type]
    highest: float
    text: str


_WHOLE: Final = frozenset({int})  # a bool is an int, but its type is not
_REAL: Final = frozenset({int, float})
_ID: Final = _Rule(_WHOLE, 2**63 - 1, "an id (a whole number from 0)")
_RULES: Final = {
    TIMESTAMP: _Rule(_WHOLE, LATEST, "a whole number of milliseconds"),
    USER: _ID,
    TRACK: _ID,
    RECOMMENDATION: _ID,
    TIME: _Rule(_REAL, 1.0, "a number between 0 and 1"),
    LATENCY: _Rule(_REAL, 1e9, "a number of seconds from 0 to 1e9"),
}


def _numbers(key: str, values: Sequence[Any]) -> npt.NDArray[Any]:
    rule = _RULES[key]
    if not set(map(type, values)) <= rule.types:
        raise _Unsound
    numbers = np.array(values, np.int64 if rule.types is _WHOLE else np.float64)
    if not ((numbers >= 0) & (numbers <= rule.highest)).all():  # NaN is not
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
    for key, rule in _RULES.items():
        if key == RECOMMENDATION and document[MESSAGE] == LAST:
            continue
        value = document[key]
        if type(value) not in rule.types or not 0 <= value <= rule.highest:
            return f'has "{key}": {_shown(value)}, not {rule.text}'
    if _wrong_experiments(document.get(EXPERIMENTS, _NONE)):
        return f'has "{EXPERIMENTS}": {_shown(document[EXPERIMENTS])}, not names of arms by name'
    return ""


def _wrong_experiments(value: Any) -> bool:
    return not isinstance(value, dict) or not all(map(is_name, [*value, *value.values()]))


def is_name(value: Any) -> bool:
    """Whether a value can name an arm or an experiment: printable and not longer than a line."""
    # Half a surrogate pair, which JSON can spell, is not printable: it could not be written again.
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value.isprintable()


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
