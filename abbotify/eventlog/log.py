"""The event log in Parquet: one file, several or a folder, read user by user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq

from abbotify.errors import DataError
from abbotify.eventlog.arrow_table import Names
from abbotify.eventlog.merge import Run, gathered, merged
from abbotify.eventlog.parquet import (
    ROW_GROUP,
    LogFile,
    open_file,
    read_pieces,
)
from abbotify.eventlog.schema import ARM, SESSION, STEP, USER, Events
from abbotify.eventlog.sessionise import sessionised

ORDER: Final = (USER, SESSION, STEP)
_AT_A_TIME: Final = 1 << 18  # rows of one file that are made sessions of
_AT_ONCE: Final = 1 << 16  # rows of one file in memory while many are merged


@dataclass(frozen=True)
class Log:
    """Files of one event log, known by their footers.

    Attributes:
        files: in the order of their names.
    """

    files: tuple[LogFile, ...]

    @property
    def rows(self) -> int:
        """How many rows the files hold."""
        return sum(file.rows for file in self.files)

    @cached_property
    def names(self) -> Names:
        """The arms' names per column: the union over the files, in order of appearance."""
        names_of: dict[str, dict[str, None]] = {}
        for file in self.files:
            for column, names in file.names.items():
                names_of.setdefault(column, {}).update(dict.fromkeys(names))
        columns = sorted(names_of, key=lambda column: column != ARM)  # stable: `arm` first
        return {column: tuple(names_of[column]) for column in columns}

    def select(self, wanted: Callable[[LogFile], bool]) -> Log:
        """The log of some of the files, such as those whose metadata names one phase."""
        return Log(tuple(file for file in self.files if wanted(file)))

    def pieces(self, names: Names | None = None, *, rows: int = ROW_GROUP) -> Iterator[Events]:
        """The rows of all files in the order (user, session, step), whole users at a time.

        Memory is bounded by the number of files whose users overlap (the days of a shard), not
        by the log. A log without day, session and step must be read whole to derive them.

        Args:
            names: the columns of arms and the order of the arms' names; default `names`.
            rows: about how many rows a piece holds; a user is never cut.

        Yields:
            rows of users that no other piece holds, all with the same columns of arms.

        Raises:
            DataError: the first row of a file that breaks a rule.
        """
        names = self.names if names is None else names
        if all(file.numbered for file in self.files):
            at_once = min(rows, _AT_ONCE)
            runs = [
                Run(file.lowest_user, partial(read_pieces, file, names, at_once))
                for file in self.files
            ]
            yield from gathered(_distinct_rows(merged(runs, ORDER), self.files), rows)
        else:
            yield from _by_user(self._derived(names), rows)

    def _derived(self, names: Names) -> Events:
        # Files are read in order, so rows of one millisecond keep the order of the log.
        parts = [
            events for file in self.files for events in read_pieces(file, names, ordered=False)
        ]
        if not parts:
            raise DataError("the log holds no event", file=self.files[0].path)
        numbered = all({SESSION, STEP} <= set(file.columns) for file in self.files)
        return sessionised(Events.concat(parts), numbered=numbered)


def whole_sessions(file: LogFile, names: Names, rows: int = _AT_A_TIME) -> Iterator[Events]:
    """The rows of a file in order, whole sessions at a time.

    Args:
        file: what `open_file` returned; with day, session and step.
        names: the columns of arms and the order of the arms' names.
        rows: about how many rows at a time.

    Raises:
        DataError: the first row that breaks a rule.
    """
    read, held = 0, list[Events]()
    for events in read_pieces(file, names, rows):
        read += len(events)
        events = Events.concat([*held, events]) if held else events
        if read == file.rows:
            yield events
            return
        start = _last_start(events)
        if start:
            yield events.take(slice(start))
        held = [events.take(slice(start, None))]


def _last_start(events: Events) -> int:
    """The row at which the last session starts; its steps count from 0."""
    return max(len(events) - 1 - int(events.step[-1]), 0)


def open_log(source: str | Path | Sequence[str | Path]) -> Log:
    """The event log in a Parquet file, in several, or in a folder of them.

    Args:
        source: a file, a folder (its `*.parquet` in order of name), or a list of these.

    Raises:
        DataError: nothing is there, a folder holds no Parquet file, a file is not an event log.
    """
    sources = [source] if isinstance(source, str | Path) else list(source)
    if not sources:
        raise DataError("no file of an event log is given")
    return Log(tuple(open_file(path) for path in _files(sources)))


def _files(sources: Sequence[str | Path]) -> Iterator[Path]:
    for path in map(Path, sources):
        if not path.is_dir():
            yield path
        elif files := sorted(path.glob("*.parquet")):
            _refuse_others(path)
            yield from files
        else:
            raise DataError("the folder holds no *.parquet file", file=path)


_OTHER_LOGS: Final = (".parquet", ".pq", ".json", ".jsonl", ".ndjson")


def _refuse_others(folder: Path) -> None:
    """Refuses a folder of which only a part would be read."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")) or path.name.endswith(".parquet"):
            continue  # the marks that other programs leave
        if path.is_dir() and any(path.glob("**/*.parquet")):
            raise DataError("is a folder in a folder of the log: give its files", file=path)
        if any(suffix.lower() in _OTHER_LOGS for suffix in path.suffixes):
            raise DataError("is no *.parquet file, as others in its folder are", file=path)


class SessionTwiceError(DataError):
    """A session that two files of a log hold."""

    def __init__(self, user: int, session: int) -> None:
        super().__init__(f"{USER} {user}, {SESSION} {session}, {STEP} 0 is in the log twice")
        self.place = user, session

    def placed(self, files: Sequence[Path]) -> DataError:
        """The error with the first two of the files that hold the session; all have numbers."""
        holding = [path for path in files if _holds(path, *self.place)]
        others = f", also in {holding[1]}" if len(holding) > 1 else ""
        return DataError(f"{self.what}{others}", file=(holding or files)[0])


def _holds(path: Path, user: int, session: int) -> bool:
    # Ids of other types are compared as numbers; a file is read a little at a time.
    batches = pq.ParquetFile(path).iter_batches(_AT_ONCE, columns=[USER, SESSION])
    return any(
        bool(((np.asarray(b[USER]) == user) & (np.asarray(b[SESSION]) == session)).any())
        for b in batches
    )


def _distinct_rows(pieces: Iterator[Events], files: Sequence[LogFile]) -> Iterator[Events]:
    # Each file is in strict order, but two files may hold the same session.
    for piece in pieces:
        same = np.ones(max(len(piece) - 1, 0), np.bool_)
        for name in ORDER:
            values = getattr(piece, name)
            same &= values[1:] == values[:-1]
        if same.any():
            row = int(np.flatnonzero(same)[0])
            error = SessionTwiceError(int(piece.user[row]), int(piece.session[row]))
            raise error.placed([file.path for file in files])
        yield piece


def _by_user(events: Events, rows: int) -> Iterator[Events]:
    ends = np.flatnonzero(np.diff(events.user, append=-1)) + 1
    start = 0
    while start < len(events):
        # The first end of a user at which the piece is large enough.
        cut = int(ends[min(int(np.searchsorted(ends, start + rows)), len(ends) - 1)])
        yield events.take(slice(start, cut))
        start = cut
