"""What went wrong when recommenders were asked: of each kind the first, and how many there were.

First is by day, shard, user, session and step, not by the clock of whoever played it: so the same
failures are kept by both engines, and by any number of processes.
"""

from __future__ import annotations

import sysconfig
import traceback
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from abbotify.recommenders.base import Request, WrongAnswer, one_line_text, type_name

MOST_KINDS: Final = 20  # of an arm that are kept

_MOST_WITHIN_UNIT: Final = 200  # more than are kept: engines meet them in different orders
_MOST_FRAMES: Final = 8
_MOST_CHARACTERS: Final = 200  # of a line
FURTHER: Final = "further kinds"

_PACKAGE: Final = str(Path(__file__).parents[1])
_LIBRARIES: Final = tuple(
    sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


@dataclass(frozen=True)
class Failure:
    """The first failure of a kind.

    Attributes:
        arm: whose users were to be served.
        recommender: who failed: the arm's own, or a fallback.
        kind: the exception's type and the line that raised it, or what was wrong with an answer.
        message: of the first one.
        traceback: of the first one, without the frames of this package; empty for a wrong answer.
        day: when it was.
        user: who was to be served.
        session: in which session.
        step: at which step.
        count: how many there were of this kind.
        shard: the user's.
    """

    arm: str
    recommender: str
    kind: str
    message: str
    traceback: tuple[str, ...]
    day: int
    user: int
    session: int
    step: int
    count: int = 1
    shard: int = 0

    @property
    def place(self) -> tuple[int, int, int, int, int]:
        """What orders failures of an arm."""
        return self.day, self.shard, self.user, self.session, self.step


class FailureBook:
    """The failures of an arm, under way.

    Attributes:
        day: that is being played.
    """

    def __init__(self) -> None:
        self.day = 0
        self._kinds: dict[tuple[str, str], Failure] = {}

    def note(self, arm: str, recommender: str, request: Request, error: BaseException) -> None:
        """Counts a failure, and keeps it if it is the first of its kind."""
        kind = _kind(error)
        key = recommender, kind
        if key not in self._kinds and len(self._kinds) >= _MOST_WITHIN_UNIT:
            key = recommender, FURTHER
        known = self._kinds.get(key)
        place = self.day, 0, request.user, request.session, request.step
        if known is not None and known.place <= place:
            self._kinds[key] = replace(known, count=known.count + 1)
            return
        count = 1 if known is None else known.count + 1
        who = request.user, request.session, request.step
        text, frames = _writable(message(error)), _traceback(error)
        self._kinds[key] = Failure(arm, *key, text, frames, self.day, *who, count)

    def taken(self) -> tuple[Failure, ...]:
        """All so far; the book is empty then."""
        kinds, self._kinds = self._kinds, {}
        return tuple(kinds.values())


_ByKind = dict[tuple[str, str, str], Failure]  # by arm, recommender and kind


def merged(parts: Iterable[Failure], most: int = _MOST_WITHIN_UNIT) -> tuple[Failure, ...]:
    """Failures of several days and shards, in order: of each arm, recommender and kind one.

    Args:
        parts: any number of them.
        most: kinds of an arm that are kept, the first; all others are counted as one.
    """
    kinds: _ByKind = {}
    for failure in parts:
        _add(kinds, (failure.arm, failure.recommender, failure.kind), failure)
    kept: _ByKind = {}
    room: Counter[str] = Counter()
    for failure in sorted(kinds.values(), key=lambda failure: (*failure.place, failure.kind)):
        if failure.kind == FURTHER or room[failure.arm] == most:
            _add(kept, (failure.arm, "", FURTHER), replace(failure, kind=FURTHER))
        else:
            room[failure.arm] += 1
            kept[failure.arm, failure.recommender, failure.kind] = failure
    return tuple(kept.values())


def _add(kinds: _ByKind, key: tuple[str, str, str], failure: Failure) -> None:
    known = kinds.get(key)
    if known is not None:
        first = min(known, failure, key=lambda failure: failure.place)
        failure = replace(first, count=known.count + failure.count)
    kinds[key] = failure


def _kind(error: BaseException) -> str:
    if type(error) is WrongAnswer:
        return error.kind
    name = _writable(type_name(error))[:_MOST_CHARACTERS]
    rank, frames = _frames(error)
    if rank == 2:  # this package's lines say nothing of the author's
        return name
    file, line, _ = frames[-1]
    return _writable(f"{name}, {Path(file).name}:{line}")


def _writable(text: str) -> str:
    """The text without halves of surrogates, which no file takes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _frames(error: BaseException) -> tuple[int, list[tuple[str, int, str]]]:
    """The rank of the best frames, and these: file, line and function, the innermost last."""
    walked = traceback.walk_tb(error.__traceback__)
    frames = [(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in walked]
    best = min((_rank(file) for file, _, _ in frames), default=2)
    return best, [frame for frame in frames if _rank(frame[0]) == best]


@cache
def _rank(file: str) -> int:
    """0 for code of the author's own, 1 for libraries, 2 for this package."""
    if _within(file, _PACKAGE):
        return 2
    return int(any(_within(file, library) for library in _LIBRARIES))


def _within(file: str, folder: str) -> bool:
    return file.startswith(folder.rstrip("/\\") + ("\\" if "\\" in folder else "/"))


def _traceback(error: BaseException) -> tuple[str, ...]:
    """The last frames of the author's own code, innermost last; else of libraries'."""
    if type(error) is WrongAnswer:
        return ()
    lines = []
    for file, line, name in _frames(error)[1][-_MOST_FRAMES:]:
        source = traceback.FrameSummary(file, line, name).line
        lines += [f'File "{file}", line {line}, in {name}', *([f"  {source}"] if source else [])]
    return tuple(_writable(text[:_MOST_CHARACTERS]) for text in lines)


def described(error: BaseException) -> str:
    """An exception on one line: its type, its message, and the place that raised it."""
    text = message(error)
    if type(error) is WrongAnswer:  # raised here, which says nothing
        return text
    frames = traceback.extract_tb(error.__traceback__)
    return f"{text} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else text


def message(error: BaseException) -> str:
    """An exception on one line: its type and its message, which may be anything."""
    text = one_line_text(str, error, 500)
    if type(error) is WrongAnswer:
        return text
    return f"{type_name(error)}: {text}".rstrip(": ")


def line_in(error: BaseException, file: Path) -> int | None:
    """The innermost line of a file that an exception passed through, or None."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if f.filename == str(file)), None)
