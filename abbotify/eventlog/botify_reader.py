"""botify's event log, read: JSON lines in the order a service wrote them, a few of them broken.

Source of the format: the botify course's recommender service.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np

from abbotify.errors import DataError
from abbotify.eventlog.arrow_table import MOST_ARMS
from abbotify.eventlog.botify_lines import EXPERIMENTS, LONGEST_LINE, Columns
from abbotify.eventlog.schema import ARM, NO_ARM, Events, IntArray, Labels, arm_column
from abbotify.eventlog.sessionise import sessionised
from abbotify.files.folders import check_regular

BROKEN_SHARE: Final = 0.01
_BLOCK: Final = 1 << 17  # bytes, some 800 lines: ten times as many leave the cache, 40 % slower


@dataclass(frozen=True)
class BrokenLine:
    """A line that is no event."""

    file: Path
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: the line {self.reason}"


@dataclass(frozen=True)
class BotifyLog:
    """What was read.

    Attributes:
        events: the sound lines, as sessions; one may lack its "last", when the log ends before.
        lines: how many lines, blank ones left out.
        broken: how many of them were left out as broken.
        first_broken: the first of these.
    """

    events: Events
    lines: int
    broken: int
    first_broken: BrokenLine | None


def read_botify(
    source: str | Path | Sequence[str | Path], *, experiment: str | None = None
) -> BotifyLog:
    """A log of botify's, or of any service that writes its lines.

    A log is refused when more than `BROKEN_SHARE` of its lines are broken, and at least two: one
    is let pass, as a service may be stopped while it writes.

    Lines count in the order of the files and in them. A user's lines are sorted by timestamp,
    equal timestamps keeping that order; a session runs up to each "last". Keys that the format
    does not name are ignored, as is the recommendation of a "last".

    Args:
        source: one file or several.
        experiment: whose arm the column `arm` holds; default the first one named in the log.

    Returns:
        the events, and counts of what is not as it should be.

    Raises:
        DataError: a file cannot be read, too many lines are broken (names the first one), the
            log holds no event or names other experiments only.
    """
    paths = [Path(source)] if isinstance(source, str | Path) else [Path(p) for p in source]
    if not paths:
        raise DataError("no file of an event log is given")
    for path in paths:
        check_regular(path)
    columns = Columns()
    lines, broken = _read_all(paths, columns)
    _refuse_broken(lines, broken)
    if not columns.parts:
        raise DataError("the log holds no event", file=paths[0])
    return BotifyLog(
        events=_events(columns, experiment, paths[0]),
        lines=lines,
        broken=len(broken),
        first_broken=broken[0] if broken else None,
    )


def _read_all(paths: Sequence[Path], columns: Columns) -> tuple[int, list[BrokenLine]]:
    lines, broken = 0, []
    for path in paths:
        for numbers, texts in _line_batches(path):
            lines += len(texts)
            wrong = columns.extend(texts)
            broken += [BrokenLine(path, numbers[i], why) for i, why in sorted(wrong.items())]
    return lines, broken


def _line_batches(path: Path) -> Iterator[tuple[list[int], list[bytes]]]:
    try:
        with open(path, "rb") as file:
            yield from _batches(file)
    except OSError as error:
        raise DataError(f"the file cannot be read ({error.strerror})", file=path) from error


def _batches(file: IO[bytes]) -> Iterator[tuple[list[int], list[bytes]]]:
    rest, before = file.read(_BLOCK).removeprefix(BOM_UTF8), 0
    while block := file.read(_BLOCK):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()[: LONGEST_LINE + 1]  # enough to tell that it is too long
        yield _numbered(lines, before)
        before += len(lines)
    yield _numbered(rest.split(b"\n"), before)


def _numbered(lines: Sequence[bytes], before: int) -> tuple[list[int], list[bytes]]:
    stripped = [line.strip() for line in lines]
    numbers = [before + i for i, line in enumerate(stripped, 1) if line]
    return numbers, [line for line in stripped if line]


def _refuse_broken(lines: int, broken: Sequence[BrokenLine]) -> None:
    if len(broken) > max(1.0, BROKEN_SHARE * lines):
        first = broken[0]
        rule = f"{len(broken)} of {lines} lines are broken, more than {BROKEN_SHARE:.3g} of them"
        raise DataError(f"the line {first.reason}; {rule}", file=first.file, line=first.line)


def _events(columns: Columns, experiment: str | None, file: Path) -> Events:
    named = dict.fromkeys(name for pairs in columns.combinations for name, _ in pairs)
    if experiment is not None and experiment not in named:
        known = ", ".join(named) or "none"
        raise DataError(f"{experiment!r} is no experiment of the log ({known})", file=file)
    chosen = experiment if experiment is not None else next(iter(named), None)
    arrays = columns.joined()
    codes = arrays.pop(EXPERIMENTS)
    arms = {}
    if chosen is not None:
        arms[ARM] = _labels(columns, codes, chosen, file)
        if len(named) > 1:
            arms |= {arm_column(name): _labels(columns, codes, name, file) for name in named}
    nothing = np.zeros(len(codes), np.int32)
    return sessionised(Events(**arrays, day=nothing, session=nothing, step=nothing, arms=arms))


def _labels(columns: Columns, codes: IntArray, experiment: str, file: Path) -> Labels:
    of_lines = [dict(pairs).get(experiment) for pairs in columns.combinations]
    names = sorted({label for label in of_lines if label is not None}, key=_order)
    if len(names) > MOST_ARMS:
        raise DataError(f"{experiment!r} has {len(names)} arms, more than {MOST_ARMS}", file=file)
    code_of = {name: code for code, name in enumerate(names)}
    table = [NO_ARM if label is None else code_of[label] for label in of_lines]
    return Labels(np.array(table, np.int16)[codes], tuple(names))


def _order(label: str) -> tuple[int, int, str]:
    # C, T1, T2, ... T10, then any other label: the control is arm 0.
    number = re.fullmatch(r"T(\d{1,9})", label, re.ASCII)
    rank = 0 if label == "C" else 1 if number else 2
    return rank, int(number[1]) if number else 0, label
