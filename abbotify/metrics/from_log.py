"""A log read once: its sessions are made piece by piece, added up user by user, and let go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.errors import DataError
from abbotify.eventlog.log import SessionTwiceError
from abbotify.eventlog.merge import Run, heads, read_ahead
from abbotify.eventlog.schema import ARM, NO_ARM, USER, Events, IntArray, Labels
from abbotify.eventlog.sessions import SessionTable, session_table
from abbotify.eventlog.soundness import (
    Claims,
    Clock,
    Repeats,
    in_order,
    refuse_both,
    repeated_rows,
    users_in_two_arms,
    users_of,
)
from abbotify.eventlog.source import Order, Part, Source
from abbotify.metrics.definitions import PRE, SUCCESS
from abbotify.metrics.exposure_cohorts import MonitoringSpec, Watched, watched
from abbotify.metrics.session_totals import SessionTotals
from abbotify.metrics.users import UserTable, user_table
from abbotify.stats.moments import merged

_AT_ONCE: Final = 1_000_000  # tracks in the sessions that are taken together


class Known(NamedTuple):
    """What must be known to count a session before all have been read.

    Attributes:
        days: from the first day with a session in an arm to the last one.
        earlier: the other days of the files from before the experiment, ascending.
        mixed: ids of the users seen in two arms, ascending.
    """

    days: range | None
    earlier: tuple[int, ...]
    mixed: tuple[int, ...]


_MOST_DAYS: Final = 36_525  # a hundred years


@dataclass
class Read:
    """What a log holds.

    Attributes:
        tally: of the sessions in an arm.
        users: parts of all users, in order of id.
        watched: how the users of each arm came and went.
        known: what held of all of it.
        codes: the arms that were seen.
        sessions: how many.
        still_open: how many of them have no "last".
        repeated: rows of derived sessions that are copies of others.
        clock: their timestamps.
    """

    tally: SessionTotals
    users: list[UserTable] = field(default_factory=list)
    watched: Watched = ()
    known: Known = field(default_factory=lambda: Known(None, (), ()))
    codes: set[int] = field(default_factory=set)
    sessions: int = 0
    still_open: int = 0
    repeated: Repeats = field(default_factory=Repeats)
    clock: Clock = field(default_factory=Clock)

    def arms(self, order: Order, file: Path) -> int:
        """How many of the first arms there are: the last ones of a run's log only collected.

        Args:
            order: the arms as the log names them.
            file: that an error names.

        Raises:
            DataError: users in one arm only.
        """
        seen = sorted(self.codes)
        if len(seen) < 2:
            only = ", ".join(order[code] for code in seen)
            raise DataError(f"the log has users in one arm only ({only}), not in two", file=file)
        return seen[-1] + 1

    def table(self, shown: Sequence[str], with_days: bool) -> UserTable:
        """All users.

        Args:
            shown: names of the arms.
            with_days: whether a session's day is that its visit was due on, as in a run; lines
                date it by the end of its first track, which says nothing of retention.
        """
        users = UserTable.concat(self.users)
        values = {
            name: column
            for name, column in users.values.items()
            if with_days or name.removeprefix(PRE) != "retained"
        }
        arms = {ARM: Labels(users.arms[ARM].codes, tuple(shown))}
        return replace(users, arms=arms, values=values, in_two_arms={ARM: len(self.known.mixed)})


def watching_of(days: range) -> MonitoringSpec:
    """What of a log is watched day by day."""
    return MonitoringSpec(SUCCESS, 1, days)


def read(source: Source, order: Order, shown: Sequence[str], skip_below: float) -> Read:
    """Reads a log.

    The days are first taken from the files' footers, and nobody to be in two arms. Where that
    turns out wrong, which is rare, the log is read once more with what was read first.

    Args:
        source: the log.
        order: its arms, the control first.
        shown: the names to show them by.
        skip_below: a recommended track listened to for less than this fraction is a skip.

    Raises:
        DataError: the first row that breaks a rule, a session that is there twice, nobody in an
            arm.
    """
    parts = sorted(source.parts(order), key=lambda part: part.lowest_user)
    known: Known | None = None
    while True:
        try:
            known = known or _presumed(parts)
            content = _Reading(known, shown, skip_below).read(parts)
        except SessionTwiceError as error:
            raise error.placed(source.files) from error
        except DataError as error:
            if error.file is not None:
                raise
            # A rule that rows of several files break together.
            raise DataError(error.what, file=source.files[0], key=error.key) from error
        if content.known.days is None:
            raise DataError("no session of the log is in an arm", file=source.files[0])
        if content.known == known:
            return content
        known = content.known


def _presumed(parts: Sequence[Part]) -> Known:
    days = _hull([part.days for part in parts if not part.earlier])
    earlier = _hull([part.days for part in parts if part.earlier]) or range(0)
    return Known(days, tuple(day for day in earlier if days and day not in days), ())


def _hull(days: Sequence[range | None]) -> range | None:
    ends = [(each.start, each.stop) for each in days if each is not None]
    if len(ends) < len(days) or not ends:
        return None
    return _sound(range(min(start for start, _ in ends), max(stop for _, stop in ends)))


def _sound(days: range) -> range:
    """The days of a log, which everything is counted by; a wild timestamp would fill the memory."""
    if len(days) > _MOST_DAYS:
        span = f"its days go from {days.start:,} to {days.stop - 1:,}"
        raise DataError(f"{span}, more than {_MOST_DAYS:,}: a timestamp or a day is wrong")
    return days


class _Reading:
    """One pass over a log with what is presumed known."""

    def __init__(self, known: Known, shown: Sequence[str], skip_below: float) -> None:
        self.known, self.skip_below = known, skip_below
        self.mixed = np.array(known.mixed, np.int64)
        self.content = Read(SessionTotals(shown, ARM, known.days or ()))
        self.claims = Claims()
        self.days: set[int] = set()
        self.earlier: set[int] = set()
        self.in_two: list[IntArray] = []
        self.numbered = True  # sessions, over the days before the experiment and those after

    def read(self, parts: Sequence[Part]) -> Read:
        self.numbered = not any(part.derived for part in parts)
        runs = [Run(part.lowest_user, partial(self._tables, part), part.earlier) for part in parts]
        for piece in read_ahead(_gathered(heads(runs, USER))):
            self._take(piece)
        days = _sound(range(min(self.days), max(self.days) + 1)) if self.days else None
        earlier = tuple(sorted(self.earlier - set(days or ())))
        mixed = np.concatenate(self.in_two) if self.in_two else self.mixed[:0]
        self.content.known = Known(days, earlier, tuple(mixed.tolist()))
        return self.content

    def _tables(self, part: Part) -> Iterator[SessionTable]:
        for events in part.read():
            if part.derived:
                self._doubt(events)
            table = session_table(events, skip_below=self.skip_below)
            if not part.earlier:
                self._count(events, table)
            yield table

    def _doubt(self, events: Events) -> None:
        self.content.repeated += repeated_rows(events)
        self.content.clock.add(events)

    def _count(self, events: Events, table: SessionTable) -> None:
        codes = events.arms[ARM].codes
        self.claims.add(events.user, codes, np.cumsum(table.tracks) - table.tracks)
        if len(self.mixed):
            codes = np.where(np.isin(events.user, self.mixed), np.int16(NO_ARM), codes)
        self.content.tally.add_rows(
            plays=(events.track, codes), step_plays=(events.step, events.hundredths, codes)
        )

    def _take(self, piece: Sequence[tuple[SessionTable, bool]]) -> None:
        earlier = in_order([table for table, mark in piece if mark])
        after = in_order([table for table, mark in piece if not mark])
        if self.numbered and earlier is not None and after is not None:
            refuse_both(earlier, after)
        if after is not None:
            mixed = users_in_two_arms(after, self.claims)
            after = _without(after, mixed)
            self.in_two.append(mixed)
            in_arm = after.arms[ARM].codes >= 0
            self.days |= _distinct(after.day[in_arm])
            self.content.codes |= _distinct(after.arms[ARM].codes[in_arm])
        if earlier is not None:
            self.earlier |= _distinct(earlier.day)
        tables = [table for table in (earlier, after) if table is not None]
        for table in tables:
            self.content.sessions += len(table)
            self.content.still_open += len(table) - int(np.count_nonzero(table.closed))
        if self.known.days is None:
            return  # nothing can be counted yet
        if after is not None:
            self.content.tally.add(after)
        watching = watching_of(self.known.days)
        # Open sessions too: leaving them out would lose more users of an arm with longer sessions.
        users = user_table(
            tables,
            days=self.known.days,
            pre_days=self.known.earlier,
            users=users_of(tables),
            open_sessions=True,
            followed=watching.followed,
        )
        if after is not None:
            came = watched(users, len(after.arms[ARM].names), watching)
            self.content.watched = (
                merged(self.content.watched, came) if self.content.watched else came
            )
        self.content.users.append(replace(users, course=None))


def _gathered(
    pieces: Iterator[list[tuple[SessionTable, bool]]],
) -> Iterator[list[tuple[SessionTable, bool]]]:
    held: list[tuple[SessionTable, bool]] = []
    count = 0
    for piece in pieces:
        held += piece
        count += sum(int(table.tracks.sum()) for table, _ in piece)
        if count >= _AT_ONCE:
            yield held
            held, count = [], 0
    if held:
        yield held


def _without(table: SessionTable, users: IntArray) -> SessionTable:
    """The sessions with these users in no arm."""
    if not len(users):
        return table
    label = table.arms[ARM]
    codes = np.where(np.isin(table.user, users), np.int16(NO_ARM), label.codes)
    return replace(table, arms={ARM: Labels(codes, label.names)})


def _distinct(values: npt.NDArray[np.int32] | npt.NDArray[np.int16]) -> set[int]:
    # Most neighbours are alike, so few are left to be sorted.
    return set(values[np.diff(values, prepend=-1) != 0].tolist())
