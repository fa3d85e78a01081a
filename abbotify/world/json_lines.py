"""JSON lines read strictly: every value has one type, and an error names file, line and key."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from abbotify.errors import DataError
from abbotify.typed import one_line

# Ids are kept as int32, and an array of that many rows must fit in memory.
MAX_TRACKS: Final = 100_000_000
_MAX_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a JSON-lines file.

    Attributes:
        file: where it was read.
        line: its number, counted from 1.
        data: the object on it.
    """

    file: Path
    line: int
    data: dict[str, Any]

    def error(self, what: str, key: str | None = None) -> DataError:
        """An error about this line."""
        return DataError(what, file=self.file, line=self.line, key=key)

    def whole(self, key: str, default: int | None = None, low: int = 0, high: int = _MAX_ID) -> int:
        """A whole number between two bounds, both included.

        Raises:
            DataError: it is absent without a default, of another type, or out of bounds.
        """
        value = self._value(key, default)
        if type(value) is not int or not low <= value <= high:
            bounds = f"of at least {low}" if high == _MAX_ID else f"between {low} and {high}"
            raise self.error(f"must be a whole number {bounds}, got {one_line(value)}", key)
        return value

    def number(
        self,
        key: str,
        default: float | None = None,
        low: float = -math.inf,
        high: float = math.inf,
    ) -> float:
        """A finite number between two bounds, both included.

        Raises:
            DataError: it is absent without a default, of another type, or out of bounds.
        """
        value = self._value(key, default)
        try:
            if type(value) in (int, float) and math.isfinite(value) and low <= value <= high:
                return float(value)
        except OverflowError:  # a whole number too large for a float
            pass
        within = "" if low == -math.inf else f" of at least {low:g}"
        within = within if high == math.inf else f" between {low:g} and {high:g}"
        raise self.error(f"must be a finite number{within}, got {one_line(value)}", key)

    def text(self, key: str) -> str:
        """A text that can be written as UTF-8.

        Raises:
            DataError: it is absent, of another type, or holds half of a surrogate pair.
        """
        value = self._value(key, None)
        if type(value) is not str:
            raise self.error(f"must be text, got {one_line(value)}", key)
        try:
            value.encode()
        except UnicodeEncodeError:
            raise self.error(f"must be valid Unicode, got {one_line(value)}", key) from None
        return value

    def tracks(self, key: str, n_tracks: int = MAX_TRACKS) -> list[int]:
        """A list of track ids 0 .. n_tracks - 1, which may be empty.

        Raises:
            DataError: it is absent, not a list, or one of its items is no such id.
        """
        value = self._value(key, None)
        if type(value) is not list:
            raise self.error(f"must be a list of track ids, got {one_line(value)}", key)
        check_tracks(value, n_tracks, self.file, self.line, key)
        return value

    def _value(self, key: str, default: Any) -> Any:
        value = self.data.get(key, default)
        if value is None and key not in self.data:
            raise self.error("the key is missing", key)
        return value


def check_tracks(
    value: list[Any], n_tracks: int, file: Path, line: int | None = None, key: str | None = None
) -> None:
    """Refuses a list that holds anything but track ids 0 .. n_tracks - 1.

    Raises:
        DataError: the first such item.
    """
    if value and not ({*map(type, value)} == {int} and min(value) >= 0 and max(value) < n_tracks):
        wrong = next(t for t in value if type(t) is not int or not 0 <= t < n_tracks)
        what = f"must hold track ids between 0 and {n_tracks - 1}, got {one_line(wrong)}"
        raise DataError(what, file=file, line=line, key=key)


def json_lines(path: Path) -> Iterator[Row]:
    """The rows of a JSON-lines file in file order; blank lines are passed over.

    Raises:
        DataError: the file cannot be read, or a line is not one JSON object.
    """
    for line, content in text_lines(path):
        if content.strip():
            data = parsed(content, path, line)
            if type(data) is not dict:
                what = f"must be a JSON object, got {one_line(data)}"
                raise DataError(what, file=path, line=line)
            yield Row(path, line, data)


def numbered_rows(
    path: Path, *keys: str, high: int = _MAX_ID, things: str = "lists"
) -> Iterator[tuple[int, Row]]:
    """The rows of a JSON-lines file in file order, each with the number that tells it from others.

    Args:
        path: the file.
        keys: names of the key that holds the number; the first of them that a row has counts.
        high: the largest number.
        things: what the rows are, for the error.

    Raises:
        DataError: as `json_lines`; a row without a number, two rows with one, or no row at all.
    """
    seen: set[int] = set()
    for row in json_lines(path):
        key = next((key for key in keys if key in row.data), keys[0])
        number = row.whole(key, high=high)
        if number in seen:
            raise row.error(f"{number} has a second line", key)
        seen.add(number)
        yield number, row
    if not seen:
        raise DataError(f"holds no {things}", file=path)


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 text file with their numbers; only a newline ends a line.

    Raises:
        DataError: the file cannot be read or a line is not UTF-8.
    """
    line = 0
    try:
        with path.open("rb") as file:
            for line, content in enumerate(file, start=1):
                yield line, content.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError:
        raise DataError("is not valid UTF-8", file=path, line=line) from None
    except OSError as error:
        raise unreadable(path, error) from None


def parsed(content: str, path: Path, line: int | None = None) -> Any:
    """A JSON text as plain data; NaN, infinities and equal keys of one object are refused.

    Raises:
        DataError: it is not such a text.
    """
    try:
        return _DECODER.decode(content)
    except json.JSONDecodeError as error:
        what = f"is not valid JSON: {error.msg} at column {error.colno}"
        raise DataError(what, file=path, line=line or error.lineno) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"is not valid JSON: {error}", file=path, line=line) from None


def unreadable(path: Path, error: OSError) -> DataError:
    """The error for a file that the system does not let us read."""
    return DataError(f"cannot be read: {error.strerror or error}", file=path)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("an object has the same key twice")
    return data


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_object)
